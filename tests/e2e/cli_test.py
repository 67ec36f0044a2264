#!/usr/bin/env python3
"""Runs the penumbra command the way people do, and in every way that must fail.

usage: cli_test.py BIN_FOLDER DATA_FOLDER   (BIN_FOLDER holds penumbra and penumbra-enclave)
"""

import fcntl
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

BIN = Path()
DATA = Path()


def write_npy(path: Path, shape: tuple[int, ...], values: list[float]) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = struct.pack(f"<{len(values)}f", *values)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


class Cli(unittest.TestCase):
    scratch: Path
    env: dict[str, str]
    model: Path
    frog: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.scratch = Path(tempfile.mkdtemp(prefix="penumbra-cli-"))
        cls.env = {**os.environ, "XDG_CONFIG_HOME": str(cls.scratch / "config")}
        (cls.scratch / "config").mkdir()
        cls.model = DATA / "resnet44-cifar10.onnx"
        cls.frog = sorted((DATA / "cifar10" / "test" / "frog").glob("*.jpg"))[0]
        for preset in ("plain", "mlcapsule", "shadownet"):
            arguments = ["--preset", preset, "--preprocess", "cifar10"]
            if preset == "shadownet":
                arguments += ["--calibration", str(DATA / "cifar10-calibration"), "--calibration-limit", "20"]
            done = cls.run_cli("protect", cls.model, "-o", cls.scratch / f"{preset}.penumbra", *arguments)
            assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.scratch)

    @classmethod
    def run_cli(cls, *arguments: object, file_limit: int | None = None) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        command = [str(BIN / "penumbra"), *map(str, arguments)]
        return subprocess.run(
            command, env=cls.env, text=True, capture_output=True, timeout=300, preexec_fn=limit, check=False
        )

    def succeed(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        done = self.run_cli(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def succeed_json(self, *arguments: object) -> dict[str, object]:
        document = json.loads(self.succeed(*arguments, "--json").stdout)
        self.assertEqual(document["schema"], 1)
        return document

    def refused(
        self, code: str, exit_code: int, text: str, *arguments: object, file_limit: int | None = None
    ) -> None:
        done = self.run_cli(*arguments, file_limit=file_limit)
        self.assertEqual(done.returncode, exit_code, done.stderr)
        self.assertRegex(done.stderr, rf"(?m)^error: {code}: ")
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")

    # --- what works ---

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
            "--data", DATA / "cifar10", "--limit", 20, "--carrier", "direct",
        )  # fmt: skip
        self.assertEqual(document["samples"], 20)
        self.assertGreaterEqual(document["top1_agreement"], 0.95)
        self.assertGreater(document["max_abs_error"], 0)
        self.assertGreater(document["protected_accuracy"], 0.6)

    def test_plain_is_the_float_model_and_says_so(self) -> None:
        bundle = self.scratch / "plain.penumbra"
        for carrier in ("direct", "process"):
            document = self.succeed_json(
                "compare", self.model, bundle, "--data", DATA / "cifar10", "--limit", 20, "--carrier", carrier
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
            "--calibration", DATA / "cifar10-calibration", "--calibration-limit", 4, "--layers", "/body/body.0/*",
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

    def test_inspect_with_a_wrong_key(self) -> None:
        bundle = self.scratch / "shadownet.penumbra"
        for kind in ("vendor", "device"):
            key = self.scratch / f"stranger-{kind}.key"
            self.succeed("keygen", kind, "-o", key)
            self.refused("P304", 1, "", "inspect", bundle, f"--{kind}-key", key)
        self.refused("P101", 2, "not both", "inspect", bundle, "--vendor-key", "a", "--device-key", "b")
        self.refused("P101", 2, ".svg", "inspect", bundle, "--graph", "split.png")

    def test_compare_names_the_first_different_layer(self) -> None:
        command = [
            "compare", self.model, self.scratch / "shadownet.penumbra", "--data", DATA / "cifar10", "--limit", 2,
            "--carrier", "direct", "--layers", "--calibration", DATA / "cifar10-calibration",
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

    def test_paths_that_make_no_sense(self) -> None:
        folder, empty = self.scratch / "folder", self.scratch / "empty.penumbra"
        folder.mkdir()
        empty.write_bytes(b"")
        for code, path in (("P205", self.scratch / "gone"), ("P203", folder), ("P301", empty), ("P301", self.frog)):
            self.refused(code, 1, str(path), "inspect", path)
            self.refused(code, 1, str(path), "run", path, "--input", self.frog)
        bundle = self.scratch / "mlcapsule.penumbra"
        self.refused("P102", 1, "input", "run", bundle, "--carrier", "direct", "--input", f"image={self.frog}")
        self.refused("P203", 1, str(folder), "protect", self.model, "-o", folder)
        self.refused("P203", 1, str(folder), "inspect", bundle, "--vendor-key", folder)
        self.refused("P205", 1, "gone", "inspect", bundle, "--graph", self.scratch / "gone" / "x.svg")
        self.assertEqual(list(folder.iterdir()), [])

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

    def test_shadownet_is_called_broken(self) -> None:
        done = self.succeed(
            "protect", self.model, "--dry-run", "--preset", "shadownet", "--preprocess", "cifar10",
            "--calibration", DATA / "cifar10-calibration", "--calibration-limit", 4,
        )  # fmt: skip
        self.assertRegex(done.stderr, r"warning: .*known to break")

    def test_json_errors_and_logs(self) -> None:
        done = self.run_cli("run", "nowhere.penumbra", "--json", "--log-format", "json")
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "P205")
        for line in done.stderr.splitlines():
            self.assertIn("message", json.loads(line))

    # --- what must not ---

    def test_usage(self) -> None:
        self.assertEqual(self.run_cli().returncode, 2)
        self.assertEqual(self.run_cli("frobnicate").returncode, 2)
        self.assertEqual(self.run_cli("run").returncode, 2)
        self.refused("P101", 2, "not a size", "protect", self.model, "-o", "x", "--secure-memory", "12 parsecs")
        self.refused("P101", 2, "no-such", "protect", self.model, "-o", "x", "--preset", "no-such")

    def test_missing_files(self) -> None:
        self.refused("P205", 1, "nowhere.onnx", "protect", "nowhere.onnx", "-o", "x")
        self.refused("P205", 1, "nowhere.penumbra", "run", "nowhere.penumbra")
        bundle = self.scratch / "mlcapsule.penumbra"
        self.refused("P205", 1, "no.npy", "run", bundle, "--input", "no.npy", "--carrier", "direct")

    def damaged(self, name: str, change: object) -> Path:
        path = self.scratch / name
        data = bytearray((self.scratch / "mlcapsule.penumbra").read_bytes())
        path.write_bytes(change(data))  # type: ignore[operator]
        return path

    def test_truncated_bundle(self) -> None:
        for share in (0.0, 0.01, 0.5, 0.999):
            path = self.damaged("cut.penumbra", lambda data, s=share: data[: int(len(data) * s)])
            done = self.run_cli("run", path, "--input", self.frog)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"error: P30[12]: ")

    def test_flipped_bytes_are_noticed(self) -> None:
        size = (self.scratch / "mlcapsule.penumbra").stat().st_size
        for position in (0, 60, 300, size // 2, size - 1):
            def flip(data: bytearray, p: int = position) -> bytearray:
                data[p] ^= 1
                return data

            done = self.run_cli("run", self.damaged("flip.penumbra", flip), "--input", self.frog)
            self.assertIn(done.returncode, (1, 3), f"byte {position}")
            self.assertRegex(done.stderr, r"error: P3\d\d: ")

    def test_wrong_vendor_and_device(self) -> None:
        bundle = self.scratch / "mlcapsule.penumbra"
        for kind in ("vendor", "device"):
            self.succeed("keygen", kind, "-o", self.scratch / f"other-{kind}.key")
        other_vendor, other_device = self.scratch / "other-vendor.pub", self.scratch / "other-device.key"
        self.refused("P303", 3, "--vendor", "run", bundle, "--input", self.frog, "--vendor", other_vendor)
        for carrier in ("direct", "process"):
            self.refused(
                "P304", 1, "", "run", bundle, "--input", self.frog, "--device", other_device, "--carrier", carrier
            )
        self.refused("P203", 1, "other-vendor", "keygen", "vendor", "-o", self.scratch / "other-vendor.key")

    def test_receipts(self) -> None:
        bundle, nonce = self.scratch / "mlcapsule.penumbra", "ab" * 32
        keys = self.scratch / "config" / "penumbra"
        device, vendor, out = keys / "device.pub", keys / "vendor.pub", self.scratch / "logits.npy"
        receipt = self.scratch / "receipt.cbor"
        run = ["run", bundle, "--input", self.frog, "--output", out]
        self.assertEqual(self.succeed_json(*run, "--receipt", receipt, "--nonce", nonce)["receipt"], str(receipt))
        only_signature = self.succeed_json("verify", receipt, "--device", device)
        self.assertEqual(only_signature["checked"], ["signature"])
        self.assertEqual(only_signature["not_checked"], ["nonce", "vendor", "bundle", "input", "output"])
        verify = ["verify", receipt, "--device", device, "--nonce", nonce, "--bundle", bundle, "--vendor", vendor]
        done = self.succeed_json(*verify, "--input", self.frog, "--output", out)
        self.assertEqual(done["not_checked"], [])
        self.assertEqual((done["nonce"], done["carrier"], done["software_tee"]), (nonce, "process", True))
        self.assertIn("no protection against this machine's owner", done["notice"])
        self.assertIn("no protection against this machine's owner", self.succeed(*verify).stdout)
        self.assertEqual(done["soundness_bits"], 0)

        # Each reason has its own words.
        self.refused("P602", 3, "another nonce", "verify", receipt, "--device", device, "--nonce", "00" * 32)
        self.refused("P602", 3, "another bundle", "verify", receipt, "--device", device, "--bundle",
                     self.scratch / "plain.penumbra")
        toad = sorted((DATA / "cifar10" / "test" / "frog").glob("*.jpg"))[1]
        self.refused("P602", 3, "another input", *verify, "--input", toad)
        other = self.scratch / "other.npy"
        write_npy(other, (1, 10), [0.0] * 10)
        self.refused("P602", 3, "another output", *verify, "--output", other)
        for kind in ("vendor", "device"):
            self.succeed("keygen", kind, "-o", self.scratch / f"receipt-stranger-{kind}.key")
        self.refused("P602", 3, "another device", "verify", receipt, "--device", self.scratch / "receipt-stranger-device.pub")
        self.refused("P602", 3, "another vendor", "verify", receipt, "--device", device, "--vendor",
                     self.scratch / "receipt-stranger-vendor.pub")
        altered = self.scratch / "altered.cbor"
        honest = receipt.read_bytes()
        for position in range(0, len(honest), 7):
            altered.write_bytes(honest[:position] + bytes([honest[position] ^ 4]) + honest[position + 1 :])
            self.refused("P602", 3, "", "verify", altered, "--device", device)
        altered.write_bytes(honest[:-1] + bytes([honest[-1] ^ 4]))
        self.refused("P602", 3, "was altered", "verify", altered, "--device", device)
        self.refused("P602", 3, "no penumbra receipt", "verify", self.frog, "--device", device)

        # Without what a receipt needs there is none.
        self.refused("P101", 2, "belong together", *run, "--receipt", altered)
        self.refused("P101", 2, "64 hexadecimal", *run, "--receipt", altered, "--nonce", "abc")
        self.refused("P101", 2, "--bundle", "verify", receipt, "--device", device, "--output", out)
        nan, none = self.scratch / "nan.npy", self.scratch / "none.cbor"
        write_npy(nan, (1, 3, 32, 32), [float("nan")] * 3072)
        self.refused("P105", 1, "", "run", bundle, "--input", nan, "--receipt", none, "--nonce", nonce)
        self.assertFalse(none.exists())

    def test_old_device_files(self) -> None:
        key, receipt = self.scratch / "aged.key", self.scratch / "aged.cbor"
        self.succeed("keygen", "device", "-o", key)
        public = key.with_suffix(".pub")
        blocks = public.read_text().split("-----BEGIN", 2)
        old, renewed = self.scratch / "old.pub", self.scratch / "renewed.pub"
        old.write_text("-----BEGIN" + blocks[1])
        bundle = self.scratch / "aged.penumbra"
        self.succeed("protect", self.model, "-o", bundle, "--preset", "plain", "--device", old)
        zeros = self.scratch / "zeros.npy"
        write_npy(zeros, (1, 3, 32, 32), [0.0] * 3072)
        self.succeed("run", bundle, "--input", zeros, "--device", key, "--receipt", receipt, "--nonce", "00" * 32)
        self.refused("P205", 1, "keygen device --from", "verify", receipt, "--device", old)
        self.succeed("keygen", "device", "--from", key, "-o", renewed)
        self.assertEqual(renewed.read_text(), public.read_text())
        self.succeed("verify", receipt, "--device", renewed)
        self.refused("P203", 1, "never overwritten", "keygen", "device", "--from", key)

    def test_key_others_can_read(self) -> None:
        key = self.scratch / "open.key"
        self.succeed("keygen", "device", "-o", key)
        key.chmod(0o644)
        bundle = self.scratch / "mlcapsule.penumbra"
        for carrier in ("direct", "process"):
            self.refused("P206", 1, "", "run", bundle, "--input", self.frog, "--device", key, "--carrier", carrier)

    def test_older_version_is_refused(self) -> None:
        for version in (7, 6):
            path = self.scratch / f"v{version}.penumbra"
            self.succeed("protect", self.model, "-o", path, "--name", "aging", "--model-version", version)
        zeros = self.scratch / "zeros.npy"
        write_npy(zeros, (1, 3, 32, 32), [0.0] * 3072)
        newer, older = self.scratch / "v7.penumbra", self.scratch / "v6.penumbra"
        self.succeed("run", newer, "--input", zeros, "--carrier", "process")
        self.succeed("run", newer, "--input", zeros, "--carrier", "direct")
        self.refused("P306", 3, "", "run", older, "--input", zeros, "--carrier", "process")

    def test_bad_inputs(self) -> None:
        bundle, array = self.scratch / "mlcapsule.penumbra", self.scratch / "bad.npy"

        def refuse(code: str, text: str, *inputs: object) -> None:
            flags = [part for value in inputs for part in ("--input", value)]
            self.refused(code, 1, text, "run", bundle, "--carrier", "direct", *flags)

        write_npy(array, (1, 3, 16, 16), [0.0] * 768)
        refuse("P103", "1x3x32x32", array)
        for bad in (float("nan"), float("inf")):
            write_npy(array, (1, 3, 32, 32), [0.0] * 3071 + [bad])
            refuse("P105", "3071", array)
        refuse("P102", "missing")
        refuse("P102", "twice", array, array)
        array.write_bytes(b"no array at all")
        refuse("P301", "bad.npy", array)

    def test_empty_calibration_folder(self) -> None:
        empty = self.scratch / "empty"
        empty.mkdir()
        self.refused(
            "P101", 2, "no sample", "protect", self.model, "-o", "x", "--preset", "enclave", "--calibration", empty
        )
        self.refused(
            "P205", 1, "gone", "protect", self.model, "-o", "x", "--preset", "enclave", "--calibration", "gone"
        )

    def test_a_full_disk_leaves_no_half_bundle(self) -> None:
        folder = self.scratch / "full"
        folder.mkdir()
        for limit in (5_000, 1_000_000):
            self.refused("P204", 1, "", "protect", self.model, "-o", folder / "m.penumbra", file_limit=limit)
            self.assertEqual(list(folder.iterdir()), [])

    def test_unsupported_models(self) -> None:
        broken = self.scratch / "broken.onnx"
        broken.write_bytes(self.model.read_bytes().replace(b"Relu", b"Rolu"))
        done = self.run_cli("protect", broken, "-o", self.scratch / "never.penumbra")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertRegex(done.stderr, r"error: P106: .*Rolu")
        self.assertFalse((self.scratch / "never.penumbra").exists())
        broken.write_bytes(self.model.read_bytes()[:1000])
        done = self.run_cli("protect", broken, "-o", self.scratch / "never.penumbra")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(re.search(r"error: P30[12]: ", done.stderr), done.stderr)


if __name__ == "__main__":
    BIN, DATA = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
    unittest.main()
