#!/usr/bin/env python3
"""Runs the penumbra command with the placements that look at more than the model, and with what they look at."""

import json
from pathlib import Path

from cli_case import CliCase, main


class CliPlacement(CliCase):
    def protect(self, *arguments: object) -> dict[str, object]:
        return self.succeed_json("protect", self.model, "--preprocess", "cifar10", *arguments)

    def refuse(self, code: str, exit_code: int, text: str, *arguments: object) -> None:
        bundle = self.scratch / "never.penumbra"
        self.refused(code, exit_code, text, "protect", self.model, "-o", bundle, *arguments)
        self.assertFalse(bundle.exists())

    def test_all_but_a_retrained_tail_is_public(self) -> None:
        backbone, bundle = self.changed_model("backbone.onnx", b"fc.weight"), self.scratch / "ennclave.penumbra"
        document = self.protect("-o", bundle, "--preset", "ennclave", "--public-backbone", backbone)
        trusted = [layer["name"] for layer in document["layers"] if layer["placement"] == "trusted"]
        self.assertEqual(trusted, ["/fc/Gemm"])
        compared = self.succeed_json("compare", self.model, bundle, "--data", self.data / "cifar10", "--limit", 20)
        self.assertEqual(compared["top1_agreement"], 1)
        self.assertLess(compared["max_abs_error"], 1e-4 * compared["max_abs_value"])

    def test_backbones_that_are_none(self) -> None:
        ennclave = ["--preset", "ennclave"]
        self.refuse("P101", 2, "--public-backbone", *ennclave)
        self.refuse("P107", 2, "placement public-backbone", "--preset", "plain", "--public-backbone", self.model)
        self.refuse("P205", 1, "gone.onnx", *ennclave, "--public-backbone", "gone.onnx")
        stranger = self.scratch / "stranger.onnx"
        data = self.model.read_bytes()
        stranger.write_bytes(data[: len(data) // 2])
        self.refuse("P302", 1, "stranger.onnx", *ennclave, "--public-backbone", stranger)
        stranger.write_bytes(data.replace(b"Relu", b"Rolu"))
        self.refuse("P106", 5, "Rolu", *ennclave, "--public-backbone", stranger)

    def device(self, name: str, inside: float, outside: float, hand_off: float = 1e-8) -> Path:
        """A made-up device: `inside` and `outside` multiplications a second, everything else fast."""
        rates = {kernel: 1.0 for kernel in ("convolution", "pointwise", "dense", "depthwise")}

        def group(names: str, value: float) -> dict[str, dict[str, float]]:
            return {n: {kernel: rate * value for kernel, rate in rates.items()} for n in names.split()}

        profile = {
            "format": "penumbra device profile", "version": 2, "device": name, "carrier": "made up",
            "accelerator": "made up", "threads": 1,
            "multiplications_per_second": {
                **group("trusted_float32 trusted_int8 trusted_int16 pad", inside),
                **group("public_float32 public_residue", outside),
            },
            "element_seconds": group("trusted_float32 trusted_integer public_residue", 0),
            "pass_element_seconds": 0, "inference_seconds": 0, "residue_byte_seconds": 1e-11, "check_multiplications_per_second": 1e14, "check_byte_seconds": 0,
            "check_layer_seconds": 0, "memory_bytes_per_second": 1e12, "weight_bytes_per_second": 1e12,
            "pad_bytes_per_second": 1e12, "pad_layer_seconds": 0, "crossing_bytes_per_second": 1e12,
            "hand_off_seconds": hand_off, "pad_stock": 8, "idle_share": 1,
        }  # fmt: skip
        path = self.scratch / f"{name}.json"
        path.write_text(json.dumps(profile))
        return path

    def calibrated(self, *arguments: object) -> dict[str, object]:
        samples = ["--calibration", self.data / "cifar10-calibration", "--calibration-limit", 2]
        return self.protect("-o", self.scratch / "timed.penumbra", *samples, *arguments)

    def test_auto_follows_the_device(self) -> None:
        auto = ["--preset", "shadownet", "--placement", "auto", "--device-profile"]
        slow, equal = self.device("slow-inside", 1e9, 1e13), self.device("equal", 1e11, 1e11, hand_off=1e-5)
        document = self.calibrated(*auto, slow)
        self.assertEqual(document["scheme"], "ring, auto, shadownet:1.2, otp, none")
        self.assertEqual({layer["placement"] for layer in document["layers"]}, {"public"})
        prediction = document["prediction"]
        self.assertEqual(prediction["device"], "slow-inside")
        self.assertLess(prediction["chosen_ms"], prediction["inside_ms"])
        self.succeed("run", self.scratch / "timed.penumbra", "--input", self.frog, "--carrier", "direct")
        key = self.scratch / "config" / "penumbra" / "vendor.key"
        report = self.succeed_json("inspect", self.scratch / "timed.penumbra", "--vendor-key", key)["report"]
        self.assertEqual(report["prediction"], prediction)
        self.assertEqual(report["layers"], document["layers"])
        document = self.calibrated(*auto, equal)
        self.assertEqual(document["scheme"], "integer, all-trusted, plain, plain, none")
        self.assertEqual({layer["placement"] for layer in document["layers"]}, {"trusted"})
        self.assertLessEqual(document["prediction"]["chosen_ms"], document["prediction"]["outside_ms"])
        self.assertIn("nothing is public", " ".join(document["notes"]))
        floats = ["--preset", "plain", "--placement", "auto", "--device-profile"]
        self.assertEqual({layer["placement"] for layer in self.protect("--dry-run", *floats, slow)["layers"]}, {"public"})
        self.assertEqual({layer["placement"] for layer in self.protect("--dry-run", *floats, equal)["layers"]}, {"trusted"})

    def test_a_deadline_decides_what_stays_inside(self) -> None:
        slow = self.device("critical", 1e9, 1e11)
        aegis = ["--preset", "aegisdnn", "--device-profile", slow, "--deadline"]
        inside = self.calibrated(*aegis, 1000)["prediction"]["inside_ms"]
        damages = []
        for share in (0.1, 0.5, 1.1):
            document = self.calibrated(*aegis, share * inside)
            prediction = document["prediction"]
            self.assertLessEqual(prediction["chosen_ms"], share * inside)
            public = [layer for layer in document["layers"] if layer["placement"] == "public"]
            self.assertAlmostEqual(sum(layer["damage"] for layer in public), prediction["damage"])
            damages.append(prediction["damage"])
        self.assertEqual(damages, sorted(damages, reverse=True))
        self.assertGreater(damages[0], damages[1])
        self.assertEqual(damages[2], 0)
        compared = self.succeed_json(
            "compare", self.model, self.scratch / "timed.penumbra", "--data", self.data / "cifar10", "--limit", 5
        )
        self.assertEqual(compared["top1_agreement"], 1)

    def test_placements_without_what_they_need(self) -> None:
        profile = self.device("any", 1e9, 1e11)
        samples = ["--calibration", self.data / "cifar10-calibration", "--calibration-limit", 2]
        aegis = ["--preset", "aegisdnn", "--device-profile", profile]
        self.refuse("P101", 2, "--deadline", *aegis, *samples)
        self.refuse("P101", 2, "--calibration", *aegis, "--deadline", 5)
        self.refuse("P101", 2, "the smallest that one meets is", *aegis, *samples, "--deadline", 0.001)
        for deadline in (0, -1, "nan", "inf"):
            self.refuse("P101", 2, "deadline", *aegis, *samples, f"--deadline={deadline}")
        self.refuse("P107", 2, "placement critical", "--preset", "plain", "--deadline", 5)
        self.refuse("P107", 2, "critical or auto", "--preset", "plain", "--device-profile", profile)
        self.refuse("P106", 5, "auto with arithmetic prime", "--preset", "slalom", "--arithmetic", "prime",
                    "--placement", "auto", "--device-profile", profile, *samples)  # fmt: skip
        self.refuse("P106", 5, "critical with arithmetic ring", "--preset", "slalom", "--placement", "critical:5", *samples)
        auto = ["--preset", "plain", "--placement", "auto", "--device-profile"]
        self.refuse("P205", 1, "gone.json", *auto, "gone.json")
        broken = json.loads(profile.read_text())
        del broken["hand_off_seconds"]
        profile.write_text(json.dumps(broken))
        self.refuse("P301", 1, "'hand_off_seconds' is missing", *auto, profile)
        profile.write_text(json.dumps({**broken, "version": 9}))
        self.refuse("P307", 1, "version 9", *auto, profile)
        self.refuse("P301", 1, "no device profile", *auto, self.frog)

    def test_a_partition_drawn_inside(self) -> None:
        bundle, inside = self.scratch / "inside.penumbra", ["--preset", "soter", "--partition-inside"]
        document = self.protect("-o", bundle, *inside, "--theta", "0.6", "--integrity", "none")
        self.assertTrue(any("every load" in warning for warning in document["warnings"]))
        shown = self.succeed_json("inspect", bundle)
        self.assertEqual(shown["segments"], [])
        self.assertEqual(shown["partition"]["theta"], 0.6)
        self.assertGreater(shown["partition"]["candidates"], 100)
        self.assertLess(shown["public_bytes"], 200)
        text = self.succeed("inspect", bundle).stdout
        self.assertIn("everything is sealed", text)
        self.assertIn("with probability 0.6", text)
        for _ in range(2):
            compared = self.succeed_json("compare", self.model, bundle, "--data", self.data / "cifar10", "--limit", 20)
            self.assertEqual(compared["top1_agreement"], 1)
            self.assertLess(compared["max_abs_error"], 1e-3 * compared["max_abs_value"])
        printed = self.succeed("protect", self.model, "--dry-run", "--preprocess", "cifar10", *inside).stdout
        self.assertRegex(printed, r"linear layers +46 candidates, drawn at every load, 0 always trusted")
        self.assertNotIn("public,", printed)
        self.assertIn("only float32 rounds", printed)
        self.refuse("P107", 2, "--seed", *inside, "--seed", 3)
        self.refuse("P107", 2, "weights scalar", "--preset", "plain", "--partition-inside")
        self.refuse("P101", 2, "theta", *inside, "--theta", "1.5")
        self.refuse("P101", 2, "from 2 to 256", *inside, "--weights", "scalar:1000")

    def test_a_measured_device_is_a_profile(self) -> None:
        path = self.scratch / "measured.json"
        document = self.succeed_json(
            "profile", "-o", path, "--carrier", "direct", "--accelerator", "reference", "--name", "here",
            "--pad-stock", 0, "--idle-share", 0.5,
        )  # fmt: skip
        profile = json.loads(path.read_text())
        self.assertEqual(document["profile"], profile)
        self.assertEqual((profile["device"], profile["accelerator"]), ("here", "reference"))
        self.assertEqual((profile["pad_stock"], profile["idle_share"]), (0, 0.5))
        # The reference accelerator is written to be read, the trusted half's kernels to be fast.
        rates = profile["multiplications_per_second"]
        self.assertGreater(rates["trusted_int8"]["convolution"], rates["public_residue"]["convolution"])
        document = self.calibrated("--preset", "shadownet", "--placement", "auto", "--device-profile", path)
        self.assertEqual(document["prediction"]["device"], "here")
        self.assertEqual({layer["placement"] for layer in document["layers"]}, {"trusted"})
        self.assertEqual(self.run_cli("profile").returncode, 2)
        self.assertEqual(self.run_cli("profile", "-o", path, "--idle-share", 2).returncode, 2)
        self.refused("P205", 1, "", "profile", "-o", self.scratch / "no" / "such.json", "--carrier", "direct")

    def test_an_oracle_only_benches(self) -> None:
        bundle = self.scratch / "shadow.penumbra"
        samples = ["--calibration", self.data / "cifar10-calibration", "--calibration-limit", 4]
        self.protect("-o", bundle, "--preset", "shadownet", *samples)
        bench = ["bench", bundle, "--peer", "none", "--warmup", 1, "--iterations", 3, "--carrier", "direct"]
        document = self.succeed_json(*bench, "--accelerator", "oracle")
        self.assertEqual(document["accelerator"], "oracle")
        self.assertIn(document["oracle"]["computed_by"], self.succeed_json("version")["accelerators"])
        self.assertGreater(document["oracle"]["not_counted_ms"], 0)
        self.assertIsNone(document["sustained_background"])
        self.assertGreater(document["inside_ms"], 0)
        self.assertIn("no such device exists", self.succeed(*bench, "--accelerator", "oracle").stdout)
        self.assertNotIn("oracle", self.succeed_json(*bench))
        self.refused("P107", 2, "--in-flight", *bench, "--accelerator", "oracle", "--in-flight", 2)
        for verb in (["run", bundle, "--input", self.frog], ["compare", self.model, bundle, "--data", self.data / "cifar10"]):
            self.assertEqual(self.run_cli(*verb, "--accelerator", "oracle").returncode, 2)
        self.assertNotIn("oracle", self.succeed_json("version")["accelerators"])


if __name__ == "__main__":
    main()
