#!/usr/bin/env python3
"""What the penumbra command tells about a bundle, with a key and without."""

import json
from pathlib import Path
from xml.etree import ElementTree

from cli_case import CliCase, main


class CliInspect(CliCase):
    bundles = ("mlcapsule", "shadownet")

    def test_inspect_tells_the_cost_of_a_pad(self) -> None:
        document = json.loads(self.run_cli("inspect", self.scratch / "shadownet.penumbra", "--json").stdout)
        self.assertGreater(document["pad_bytes"], 0)
        self.assertGreater(document["pad_multiplications"], 0)
        self.assertLessEqual(document["pad_multiplications"], sum(s["multiplications"] for s in document["segments"]))
        document = json.loads(self.run_cli("inspect", self.scratch / "mlcapsule.penumbra", "--json").stdout)
        self.assertEqual(document["pad_bytes"], 0)

    def test_inspect_shows_the_public_half_only(self) -> None:
        vendor = self.scratch / "config" / "penumbra" / "vendor.pub"
        picture = self.scratch / "split.svg"
        document = self.succeed_json(
            "inspect", self.scratch / "shadownet.penumbra", "--vendor", vendor, "--graph", picture
        )
        self.assertTrue(document["signature_checked"])
        self.assertGreater(len(document["segments"]), 40)
        self.assertEqual(document["inputs"], [{"name": "input", "type": "float32", "shape": [1, 3, 32, 32]}])
        self.assertEqual(len(document["device_ids"]), 1)
        self.assertNotIn("report", document)
        self.assertNotIn("/body/", json.dumps(document))
        words = self.texts(picture)
        self.assertIn("layer 0", words)
        self.assertNotIn("/body/", " ".join(words))
        self.assertEqual(self.succeed_json("inspect", self.scratch / "mlcapsule.penumbra")["segments"], [])

    @staticmethod
    def texts(picture: Path) -> list[str]:
        return [node.text or "" for node in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]

    def test_inspect_with_a_key_shows_every_layer(self) -> None:
        keys = self.scratch / "config" / "penumbra"
        report = self.scratch / "report.json"
        bundle = self.scratch / "reported.penumbra"
        self.succeed(
            "protect", self.model, "-o", bundle, "--preset", "shadownet", "--preprocess", "cifar10", "--report", report,
            "--calibration", self.data / "cifar10-calibration", "--calibration-limit", 4, "--layers", "/body/body.0/*",
        )  # fmt: skip
        wanted = json.loads(report.read_text())
        picture = self.scratch / "named.svg"
        for key in (["--vendor-key", keys / "vendor.key"], ["--device-key", keys / "device.key"]):
            document = self.succeed_json("inspect", bundle, "--graph", picture, *key)
            self.assertTrue(document["signature_checked"])
            shown = document["report"]
            self.assertEqual(shown, {name: wanted[name] for name in shown})
            self.assertEqual({layer["placement"] for layer in shown["layers"]}, {"public", "trusted"})
            self.assertEqual(sum(layer["crossing_bytes"] for layer in shown["layers"]), shown["crossing_bytes"])
            self.assertTrue(all(layer["secure_memory_bytes"] > 0 for layer in shown["layers"]))
            words = self.texts(picture)
            for layer in shown["layers"]:
                self.assertIn(layer["name"], words)
        self.assertIn("/body/body.0/c1/Conv", self.succeed("inspect", bundle, "--vendor-key", keys / "vendor.key").stdout)
        self.assertNotIn(b"body.0", bundle.read_bytes())

    def test_inspect_explains_the_kernels(self) -> None:
        bundle = self.scratch / "shadownet.penumbra"
        document = self.succeed_json("inspect", bundle, "--explain", "--accelerator", "native")
        methods = document["methods"]
        self.assertEqual([m["segment"] for m in methods], list(range(len(document["segments"]))))
        self.assertTrue(all(m["kernels"] and m["reason"] for m in methods))
        self.assertTrue(methods[0]["name"].startswith("segment 0"))
        chosen_by_cost = [m for m in methods if len(m["estimates"]) > 1]
        self.assertTrue(chosen_by_cost)
        for method in chosen_by_cost:
            cycles = {e["method"]: e["cycles"] for e in method["estimates"]}
            self.assertEqual(cycles[method["method"]], min(cycles.values()))
            self.assertIn("matrix product over windows", cycles)
        strided = [m for m in methods if m["operator"].endswith("/2x2")]
        self.assertTrue(strided)
        self.assertEqual({m["method"] for m in strided}, {"matrix product over windows"})
        key = self.scratch / "config" / "penumbra" / "vendor.key"
        named = self.succeed("inspect", bundle, "--explain", "--accelerator", "native", "--vendor-key", key).stdout
        self.assertIn("/body/body.0/c1/Conv", named)
        self.assertNotIn("methods", self.succeed_json("inspect", bundle))
        loops = self.succeed_json("inspect", bundle, "--explain", "--accelerator", "reference")["methods"]
        self.assertEqual({m["method"] for m in loops}, {"plain loops"})
        self.refused("P101", 2, "--explain", "inspect", bundle, "--accelerator", "native")

    def test_inspect_explains_float_segments(self) -> None:
        bundle = self.scratch / "soter.penumbra"
        self.succeed("protect", self.model, "-o", bundle, "--preset", "soter", "--preprocess", "cifar10",
                     "--calibration", self.data / "cifar10-calibration", "--calibration-limit", 2)  # fmt: skip
        methods = self.succeed_json("inspect", bundle, "--explain")["methods"]
        self.assertTrue(all("float32" in m["method"] or "loops" in m["method"] for m in methods))
        self.assertTrue(any(m["operator"].startswith("ConvFloat") for m in methods))

    def test_inspect_with_a_wrong_key(self) -> None:
        bundle = self.scratch / "shadownet.penumbra"
        for kind in ("vendor", "device"):
            key = self.scratch / f"stranger-{kind}.key"
            self.succeed("keygen", kind, "-o", key)
            self.refused("P304", 1, "", "inspect", bundle, f"--{kind}-key", key)
        self.refused("P101", 2, "not both", "inspect", bundle, "--vendor-key", "a", "--device-key", "b")
        self.refused("P101", 2, ".svg", "inspect", bundle, "--graph", "split.png")


if __name__ == "__main__":
    main()
