#!/usr/bin/env python3
"""Runs the penumbra command the way people do."""

import fcntl
import json
import shutil
from pathlib import Path

from cli_case import CliCase, main, write_npy


class Cli(CliCase):
    bundles = ("plain", "mlcapsule", "shadownet")

    def test_run_prints_labels_over_every_carrier(self) -> None:
        for bundle in ("mlcapsule", "shadownet"):
            scores = []
            for carrier in ("direct", "process"):
                document = self.succeed_json(
                    "run", self.scratch / f"{bundle}.penumbra", "--input", self.frog, "--carrier", carrier
                )
                self.assertEqual(document["top"][0][0]["label"], "frog")
                self.assertIn("software TEE", document["notice"])
                scores.append(document["outputs"][0]["values"])
            self.assertEqual(scores[0], scores[1])

    def test_batches_are_looped_and_joined(self) -> None:
        batch, single, out = (self.scratch / n for n in ("batch.npy", "single.npy", "out.npy"))
        values = [((i * 37) % 101) / 50 - 1 for i in range(2 * 3072)]
        write_npy(batch, (2, 3, 32, 32), values)
        write_npy(single, (3, 32, 32), values[3072:])
        bundle = self.scratch / "mlcapsule.penumbra"
        self.succeed("run", bundle, "--input", f"input={batch}", "--output", out, "--carrier", "direct")
        joined = out.read_bytes()
        self.assertIn(b"'shape': (2, 10)", joined)
        self.succeed("run", bundle, "--input", single, "--output", out, "--carrier", "direct")
        self.assertEqual(joined[-40:], out.read_bytes()[-40:])

    def test_compare_agrees(self) -> None:
        document = self.succeed_json(
            "compare", self.model, self.scratch / "shadownet.penumbra",
            "--data", self.data / "cifar10", "--limit", 20, "--carrier", "direct",
        )  # fmt: skip
        self.assertEqual(document["samples"], 20)
        self.assertGreaterEqual(document["top1_agreement"], 0.95)
        self.assertGreater(document["max_abs_error"], 0)
        self.assertGreater(document["protected_accuracy"], 0.6)

    def test_plain_is_the_float_model_and_says_so(self) -> None:
        bundle = self.scratch / "plain.penumbra"
        for carrier in ("direct", "process"):
            document = self.succeed_json(
                "compare", self.model, bundle, "--data", self.data / "cifar10", "--limit", 20, "--carrier", carrier
            )
            self.assertEqual(document["top1_agreement"], 1)
            self.assertLess(document["max_abs_error"], 1e-3 * document["max_abs_value"])
        self.assertEqual(len(self.succeed_json("inspect", bundle)["segments"]), 1)
        done = self.run_cli("protect", self.model, "--preset", "plain", "--dry-run", "-o", self.scratch / "none")
        self.assertIn("NOTHING IS PROTECTED", done.stderr)

    def test_bench_against_the_unprotected_model(self) -> None:
        document = self.succeed_json(
            "bench", self.scratch / "mlcapsule.penumbra", "--float", self.model, "--peer", "plain",
            "--carrier", "direct", "--warmup", 1, "--iterations", 3,
        )  # fmt: skip
        self.assertGreater(document["peer"]["p50_ms"], 0)
        self.assertAlmostEqual(document["ratio"], document["burst"]["p50_ms"] / document["peer"]["p50_ms"], places=3)

    def bench_peers(self, peers: str) -> tuple[object, ...]:
        return (
            "bench", self.scratch / "mlcapsule.penumbra", "--float", self.model, "--peer", peers,
            "--carrier", "direct", "--warmup", 1, "--iterations", 3,
        )  # fmt: skip

    def test_bench_peers_take_turns(self) -> None:
        absent = self.succeed_json("version")["absent_accelerators"]
        names = ["onednn-int8", "plain", "onednn-f32", "onednn-winograd"] if "onednn" not in absent else ["plain"]
        if "openvino" not in absent:
            names += ["openvino-int8", "openvino"]
        document = self.succeed_json(*self.bench_peers(",".join(names)))
        self.assertEqual([peer["name"] for peer in document["peers"]], names)
        for peer in document["peers"]:
            self.assertAlmostEqual(peer["ratio"], document["burst"]["p50_ms"] / peer["p50_ms"], places=3)
            self.assertRegex(peer["version"], r"\d+\.\d+")
            self.assertEqual(peer["whole_model"], "the whole model" in peer["includes"])
            self.assertEqual(peer["whole_model"], "linear layers only (46)" not in peer["includes"])
        whole = [p for p in document["peers"] if p["whole_model"] and p["precision"] == "float32"]
        best = min(whole, key=lambda peer: peer["p50_ms"])
        self.assertEqual(document["peer"]["name"], best["name"])
        self.assertEqual(document["ratio"], best["ratio"])
        self.assertIn(" to plain, the fastest float32 peer", self.succeed(*self.bench_peers("plain")).stdout)
        parts = self.succeed_json(*self.bench_peers("onednn-f32")) if "onednn" not in absent else {}
        self.assertNotIn("ratio", parts)

    def test_peers_that_are_not_there(self) -> None:
        self.refused("P205", 1, "no peer is called 'tensorrt'; there are plain, ", *self.bench_peers("plain,tensorrt"))
        self.refused("P205", 1, "names no peer", *self.bench_peers(""))
        self.refused("P107", 2, "'plain' twice", *self.bench_peers("plain,plain"))
        self.refused("P107", 2, "stands alone", *self.bench_peers("plain,none"))

    def test_openvino_is_there_or_says_how_to_get_it(self) -> None:
        version = self.succeed_json("version")
        run = ("run", self.scratch / "plain.penumbra", "--input", self.frog)
        if "openvino" in version["absent_accelerators"]:
            remedy = "'openvino' is not in this build: build again with 'make openvino'"
            self.refused("P205", 1, remedy, *run, "--accelerator", "openvino")
            self.refused("P205", 1, remedy, *self.bench_peers("openvino"))
            self.assertIn("not in this build", self.succeed("version").stdout)
            return
        self.assertIn("openvino", version["accelerators"])
        self.assertEqual(self.succeed_json(*run, "--accelerator", "openvino")["accelerator"], "openvino")
        shadow = ("run", self.scratch / "shadownet.penumbra", "--input", self.frog)
        self.refused("P502", 1, "float32 only", *shadow, "--accelerator", "openvino")

    def test_bench_tells_burst_from_sustained(self) -> None:
        bundle = self.scratch / "shadownet.penumbra"
        done = self.run_cli("bench", bundle, "--peer", "none", "--warmup", "1", "--iterations", "2", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        for rate in ("burst", "sustained", "sustained_background"):
            self.assertGreater(document[rate]["p50_ms"], 0, rate)
        self.assertGreater(document["pad_ms"], 0)
        done = self.run_cli("bench", self.scratch / "mlcapsule.penumbra", "--peer", "none", "--iterations", "1", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        for absent in ("sustained", "sustained_background", "pad_ms"):
            self.assertIsNone(document[absent], absent)

    def test_a_run_without_pads_follows_the_policy(self) -> None:
        command = ("run", self.scratch / "shadownet.penumbra", "--input", self.frog, "--pad-bank-size", "0")
        refused = self.run_cli(*command, "--pad-policy", "refuse")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("P207", refused.stderr)
        for more in (("--pad-policy", "refuse", "--pads", "1"), ("--pad-policy", "inline"), ("--pad-policy", "wait")):
            done = self.run_cli(*command, *more)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_durable_pads_serve_the_next_program(self) -> None:
        bank = self.scratch / "pads"
        command = ("run", self.scratch / "shadownet.penumbra", "--input", self.frog, "--pad-bank-size", "0")
        command += ("--pad-policy", "refuse", "--durable-pads", bank)
        first = self.run_cli(*command, "--pads", "3", "--json")
        self.assertEqual(first.returncode, 0, first.stderr)
        document = json.loads(first.stdout)
        self.assertIn(str(bank), document["pad_bank"])
        self.assertIn("simulated counter", document["pad_bank"])
        old = self.scratch / "pads-old"
        shutil.copytree(bank, old)
        for _ in range(2):
            done = self.run_cli(*command, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["outputs"], document["outputs"])
        self.assertIn("P207", self.run_cli(*command).stderr)
        shutil.rmtree(bank)
        old.rename(bank)
        stale = self.run_cli(*command)
        self.assertIn("P207", stale.stderr)
        self.assertIn("old one", stale.stderr)
        with (bank / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            busy = self.run_cli(*command)
        self.assertEqual(busy.returncode, 1)
        self.assertIn("P401", busy.stderr)
        foreign = self.run_cli("run", self.scratch / "shadownet.penumbra", "--input", self.frog, "--durable-pads", self.frog)
        self.assertIn("P205", foreign.stderr)

    def test_compare_names_the_first_different_layer(self) -> None:
        command = [
            "compare", self.model, self.scratch / "shadownet.penumbra", "--data", self.data / "cifar10", "--limit", 2,
            "--carrier", "direct", "--layers", "--calibration", self.data / "cifar10-calibration",
        ]  # fmt: skip
        key = ["--vendor-key", self.scratch / "config" / "penumbra" / "vendor.key"]
        document = self.succeed_json(*command, *key)
        self.assertIsNone(document["first_different"])
        errors = [layer["error_db"] for layer in document["layers"]]
        self.assertGreater(len(errors), 80)
        self.assertLess(max(errors), -20)
        strict = self.succeed_json(*command, *key, "--threshold-db", -50)
        first = next(i for i, error in enumerate(errors) if error > -50)
        self.assertEqual(strict["first_different_index"], first)
        self.assertEqual(strict["first_different"], document["layers"][first]["name"])
        by_hand = ["--preset", "shadownet", "--calibration-limit"]
        self.assertEqual(self.succeed_json(*command, *by_hand, 20)["layers"], document["layers"])
        self.refused("P107", 2, "other options", *command, *by_hand, 5)

    def test_small_verbs(self) -> None:
        self.assertRegex(self.succeed("version").stdout, r"penumbra +\d+\.\d+\.\d+")
        self.assertIn("Conv", self.succeed("ops").stdout)
        names = [op["name"] for op in self.succeed_json("ops")["operators"]]
        self.assertIn("DepthToSpace", names)

    def test_dry_run_writes_nothing(self) -> None:
        before = sorted(self.scratch.iterdir())
        done = self.succeed("protect", self.model, "--dry-run")
        self.assertIn("mlcapsule", done.stdout)
        self.assertIn("--calibration", done.stderr)
        self.assertEqual(before, sorted(self.scratch.iterdir()))

    def test_broken_weights_are_called_broken(self) -> None:
        for preset in ("shadownet", "groupcover"):
            done = self.succeed(
                "protect", self.model, "--dry-run", "--preset", preset, "--preprocess", "cifar10",
                "--calibration", self.data / "cifar10-calibration", "--calibration-limit", 4,
            )  # fmt: skip
            self.assertRegex(done.stderr, rf"warning: .*{preset}: known to break")

    def protect_soter(self, bundle: Path, *arguments: object) -> dict[str, object]:
        return self.succeed_json(
            "protect", self.model, "-o", bundle, "--preset", "soter", "--integrity", "none",
            "--preprocess", "cifar10", *arguments,
        )  # fmt: skip

    def test_soter_is_the_float_model_split_by_lot(self) -> None:
        bundle, other = self.scratch / "soter.penumbra", self.scratch / "other.penumbra"
        document = self.protect_soter(bundle, "--seed", 7)
        self.assertEqual(document["scheme"], "float32, random:0.8, scalar:8, plain, none")
        self.assertIn("known to break", " ".join(document["warnings"]))
        self.assertEqual({layer["placement"] for layer in document["layers"]}, {"public", "trusted"})
        for carrier in ("direct", "process"):
            compared = self.succeed_json(
                "compare", self.model, bundle, "--data", self.data / "cifar10", "--carrier", carrier
            )
            self.assertEqual(compared["top1_agreement"], 1)
            self.assertLess(compared["max_abs_error"], 1e-5 * compared["max_abs_value"])
        # The same lot, other scales.
        self.protect_soter(other, "--seed", 7)
        segments = [self.succeed_json("inspect", b)["segments"] for b in (bundle, other)]
        self.assertEqual(segments[0], segments[1])
        folders = [self.scratch / name for name in ("first", "second")]
        for b, folder in zip((bundle, other), folders, strict=True):
            exported = self.succeed_json("inspect", b, "--export-public", folder)["exported"]
            self.assertEqual(len(exported), len(segments[0]))
        first, second = ((folder / "segment-0.onnx").read_bytes() for folder in folders)
        self.assertEqual(len(first), len(second))
        self.assertNotEqual(first, second)
        self.protect_soter(other, "--seed", 8)
        self.assertNotEqual(self.succeed_json("inspect", other)["segments"], segments[0])

    def test_shares_of_public_operators(self) -> None:
        bundle = self.scratch / "share.penumbra"
        counts = []
        for theta in (0, 0.5, 1):
            layers = self.protect_soter(bundle, "--theta", theta)["layers"]
            counts.append(sum(layer["placement"] == "public" for layer in layers))
        self.assertEqual(counts[0], 0)
        self.assertTrue(0 < counts[1] < counts[2] == len(layers))
        soter = ["protect", self.model, "-o", self.scratch / "none", "--preset", "soter"]
        for theta in (-0.1, 1.1, "nan"):
            self.refused("P101", 2, "between 0 and 1", *soter, "--integrity", "none", f"--theta={theta}")
        self.assertEqual(self.succeed_json(*soter, "--dry-run")["fingerprints"]["cornerstones"], 16)
        plain = ["protect", self.model, "-o", self.scratch / "none", "--preset", "plain"]
        for option in (["--theta", 0.5], ["--seed", 1]):
            self.refused("P107", 2, "placement random", *plain, *option)
        self.refused("P107", 2, "shadownet", *plain, "--ratio", 2)
        self.assertFalse((self.scratch / "none").exists())

    def test_fingerprints_are_announced_and_bad_ones_refused(self) -> None:
        bundle = self.scratch / "fingerprints.penumbra"
        soter = ["protect", self.model, "-o", bundle, "--preset", "soter"]
        document = self.succeed_json(*soter, "--cornerstones", 5, "--fingerprints", 2, "--challenge-rate", 0.25)
        wanted = {"cornerstones": 5, "fingerprints": 2, "challenge_rate": 0.25}
        for found in (document["fingerprints"], self.succeed_json("inspect", bundle)["fingerprints"]):
            self.assertEqual({name: found[name] for name in wanted}, wanted)
            crossing = document["crossing_bytes"] // 3  # of one sample
            self.assertEqual(found["cornerstone_bytes"], 5 * crossing)
            self.assertEqual(found["macs"], 2 * 5 * crossing // 4)
        self.assertIn("5 sealed cornerstones a segment", self.succeed("inspect", bundle).stdout)
        self.assertIn("known to be evaded", " ".join(document["warnings"]))
        bundle.unlink()
        for option in (["--cornerstones", 0], ["--cornerstones", 3], ["--cornerstones", 65], ["--fingerprints", 0],
                       ["--fingerprints", 8], ["--challenge-rate", 0], ["--challenge-rate", 1.5],
                       ["--challenge-rate=-0.5"], ["--challenge-rate", "nan"],
                       ["--fixed-fingerprints", "--fingerprints", 2]):  # fmt: skip
            self.refused("P101", 2, "--", *soter, *option)
        self.refused("P107", 2, "--cornerstones", *soter, "--fixed-fingerprints", "--cornerstones", 4)
        self.refused("P107", 2, "integrity fingerprints", *soter, "--integrity", "none", "--cornerstones", 16)
        self.refused("P107", 2, "not additive", *soter, "--placement", "all-public")
        self.refused("P106", 5, "fingerprints in arithmetic ring", *soter, "--arithmetic", "ring", "--weights", "plain")
        self.assertFalse(bundle.exists())

    def test_export_refuses_what_no_standard_operator_computes(self) -> None:
        bundle, folder = self.scratch / "prime.penumbra", self.scratch / "prime"
        self.succeed(
            "protect", self.model, "-o", bundle, "--preset", "slalom", "--arithmetic", "prime",
            "--allow-unproved-bound", "--preprocess", "cifar10",
            "--calibration", self.data / "cifar10-calibration", "--calibration-limit", 2,
        )  # fmt: skip
        self.refused("P502", 1, "segment-0", "inspect", bundle, "--export-public", folder)
        self.assertEqual(list(folder.iterdir()), [])

    def test_json_errors_and_logs(self) -> None:
        done = self.run_cli("run", "nowhere.penumbra", "--json", "--log-format", "json")
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "P205")
        for line in done.stderr.splitlines():
            self.assertIn("message", json.loads(line))


if __name__ == "__main__":
    main()
