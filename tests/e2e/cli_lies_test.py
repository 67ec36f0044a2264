#!/usr/bin/env python3
"""The penumbra command when the accelerator lies or hangs: tests/e2e/lying_registry.cc says how."""

import json
import subprocess
from pathlib import Path

from cli_case import CliCase, main

WRONG = ("flip-bit", "change-element", "replace-tile", "other-layer", "swap-channels", "add-constant", "zeros")
RIGHT = ("honest", "other-representative", "late")
REFUSED = "error: P601: a result of the accelerator was wrong and was refused [trusted runtime]\n"
LOG_SIZE = 120


class CliLies(CliCase):
    bundle: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bundle = cls.protected("checked")

    @classmethod
    def protected(cls, name: str) -> Path:
        bundle = cls.scratch / f"{name}.penumbra"
        done = cls.run_cli(
            "protect", cls.model, "-o", bundle, "--preset", "slalom", "--preprocess", "cifar10", "--name", name,
            "--calibration", cls.data / "cifar10-calibration", "--calibration-limit", 4,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return bundle

    def lied_to(self, lie: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        enclave = self.shipped.parent / "penumbra-enclave"
        return self.run_cli(
            "run", self.bundle, "--input", self.frog, "--accelerator", f"lie-{lie}", "--enclave", enclave, *arguments
        )

    def test_a_wrong_reply_is_an_integrity_error_and_nothing_else(self) -> None:
        out, receipt = self.scratch / "logits.npy", self.scratch / "receipt.cbor"
        files = ("--output", out, "--receipt", receipt, "--nonce", "00" * 32)
        for carrier in ("direct", "process"):
            for lie in WRONG:
                with self.subTest(lie=lie, carrier=carrier):
                    before = sorted(self.scratch.iterdir())
                    done = self.lied_to(lie, "--carrier", carrier, "--quiet", *files)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertEqual(done.stdout, "")
                    self.assertEqual(done.stderr, REFUSED)
                    self.assertEqual(sorted(self.scratch.iterdir()), before)

    def test_fingerprints_refuse_what_hits_them(self) -> None:
        soter = self.scratch / "soter.penumbra"
        self.succeed("protect", self.model, "-o", soter, "--preset", "soter", "--fingerprints", 3,
                     "--preprocess", "cifar10")  # fmt: skip
        enclave = self.shipped.parent / "penumbra-enclave"
        log = self.scratch / "soter.log"
        for carrier in ("direct", "process"):
            for lie in ("replace-tile", "swap-channels", "add-constant", "zeros"):
                with self.subTest(lie=lie, carrier=carrier):
                    done = self.run_cli(
                        "run", soter, "--input", self.frog, "--accelerator", f"lie-{lie}", "--enclave", enclave,
                        "--carrier", carrier, "--quiet", "--vendor-log", log,
                    )  # fmt: skip
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertEqual((done.stdout, done.stderr), ("", REFUSED))
        key = self.scratch / "config" / "penumbra" / "vendor.key"
        document = self.succeed_json("inspect", soter, "--vendor-key", key, "--failure-log", log)
        layers = {layer["name"]: layer for layer in document["report"]["layers"]}
        self.assertEqual(layers[document["refused"]["layer"]]["float_segment"], 1)

    def test_a_wrong_reply_in_json(self) -> None:
        done = self.lied_to("zeros", "--json", "--quiet")
        self.assertEqual(done.returncode, 3)
        document = json.loads(done.stdout)
        self.assertEqual(document["error"]["code"], "P601")
        self.assertNotIn("outputs", document)

    def test_right_replies_are_accepted_however_they_are_spelt(self) -> None:
        values = []
        for lie in RIGHT:
            done = self.lied_to(lie, "--json", "--quiet")
            self.assertEqual(done.returncode, 0, done.stderr)
            values.append(json.loads(done.stdout)["outputs"][0]["values"])
        self.assertTrue(all(value == values[0] for value in values))

    def test_a_reply_that_never_comes(self) -> None:
        out = self.scratch / "never.npy"
        for carrier in ("direct", "process"):
            done = self.lied_to("never", "--accelerator-timeout", 0.5, "--output", out, "--carrier", carrier)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"(?m)^error: P208: .* did not finish segment \d+ within 500 ms")
            self.assertIn("--accelerator-timeout", done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertFalse(out.exists())

    def test_a_time_limit_there_always_is(self) -> None:
        for limit in (0, -1, "never", 1e9):
            done = self.lied_to("honest", "--accelerator-timeout", limit)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--accelerator-timeout", done.stderr)

    def refusal(self, name: str) -> Path:
        log = self.scratch / name
        done = self.lied_to("change-element", "--vendor-log", log)
        self.assertEqual(done.returncode, 3, done.stderr)
        return log

    def test_the_vendor_learns_where(self) -> None:
        key = self.scratch / "config" / "penumbra" / "vendor.key"
        log = self.refusal("refusal.log")
        self.assertEqual(log.stat().st_size, LOG_SIZE)
        command = ("inspect", self.bundle, "--vendor-key", key, "--failure-log")
        document = self.succeed_json(*command, log)
        public = [layer["name"] for layer in document["report"]["layers"] if layer["placement"] == "public"]
        self.assertEqual(document["refused"]["layer"], public[1])  # the lie was told in the second job
        self.assertEqual(document["refused"]["model_version"], document["model_version"])
        self.assertIn(public[1], self.succeed(*command, log).stdout)
        self.assertNotIn(public[1].encode(), log.read_bytes())
        again = self.refusal("again.log")
        self.assertNotEqual(again.read_bytes()[:32], log.read_bytes()[:32])

    def test_nobody_else_learns_anything(self) -> None:
        keys = self.scratch / "config" / "penumbra"
        log = self.refusal("private.log")
        command = ("inspect", self.bundle, "--vendor-key", keys / "vendor.key", "--failure-log")
        self.refused("P101", 2, "--vendor-key", "inspect", self.bundle, "--failure-log", log)
        self.refused("P101", 2, "", "inspect", self.bundle, "--device-key", keys / "device.key", "--failure-log", log)
        stranger = self.scratch / "stranger.key"
        self.succeed("keygen", "vendor", "-o", stranger)
        self.refused("P304", 1, "", "inspect", self.bundle, "--vendor-key", stranger, "--failure-log", log)
        honest, altered = log.read_bytes(), self.scratch / "altered.log"
        for position in range(0, LOG_SIZE, 9):
            altered.write_bytes(honest[:position] + bytes([honest[position] ^ 1]) + honest[position + 1 :])
            self.refused("P305", 3, "altered", *command, altered)
        for wrong_size in (honest[:-1], honest + b"\0", b""):
            altered.write_bytes(wrong_size)
            self.refused("P301", 1, f"altered.log] is no failure log: it has {len(wrong_size)} bytes", *command, altered)
        self.refused("P205", 1, "gone.log", *command, self.scratch / "gone.log")
        other = self.protected("other")
        self.refused("P107", 2, "another bundle", "inspect", other, *command[2:], log)

    def test_without_a_refusal_there_is_no_log(self) -> None:
        log = self.scratch / "none.log"
        self.assertEqual(self.lied_to("honest", "--vendor-log", log).returncode, 0)
        self.assertEqual(self.lied_to("never", "--vendor-log", log, "--accelerator-timeout", 0.5).returncode, 1)
        self.assertFalse(log.exists())

    def test_the_shipped_command_has_honest_accelerators_only(self) -> None:
        done = subprocess.run(
            [self.shipped, "run", self.bundle, "--accelerator", "lie-zeros"], env=self.env, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 2)
        self.assertIn("--accelerator", done.stderr)
        for library in (self.shipped, *self.shipped.parent.parent.glob("src/api/libpenumbra.so*")):
            self.assertNotIn(b"other-representative", library.read_bytes())


if __name__ == "__main__":
    main()
