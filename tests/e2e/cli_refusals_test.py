#!/usr/bin/env python3
"""Runs the penumbra command in ways that must fail."""

import re
from pathlib import Path

from cli_case import CliCase, main, write_npy


class CliRefusals(CliCase):
    bundles = ("mlcapsule",)

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


if __name__ == "__main__":
    main()
