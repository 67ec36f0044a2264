"""What the tests of the command line share: a folder with keys and bundles, and ways to run the command.

Every test program is called with BIN_FOLDER DATA_FOLDER [COMMAND]; BIN_FOLDER holds penumbra and penumbra-enclave, COMMAND
is the one to test instead.
"""

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


def write_npy(path: Path, shape: tuple[int, ...], values: list[float]) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = struct.pack(f"<{len(values)}f", *values)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


# Seconds for one command; sanitizers want more (tools/sanitize.sh).
TIMEOUT = float(os.environ.get("PENUMBRA_TEST_TIMEOUT", "300"))


class CliCase(unittest.TestCase):
    bundles: tuple[str, ...] = ()  # presets to protect the model with before the first test
    shipped: Path  # penumbra
    command: Path
    data: Path
    scratch: Path
    env: dict[str, str]
    model: Path
    frog: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.scratch = Path(tempfile.mkdtemp(prefix="penumbra-cli-"))
        cls.env = {**os.environ, "XDG_CONFIG_HOME": str(cls.scratch / "config")}
        (cls.scratch / "config").mkdir()
        cls.model = cls.data / "resnet44-cifar10.onnx"
        cls.frog = sorted((cls.data / "cifar10" / "test" / "frog").glob("*.jpg"))[0]
        for preset in cls.bundles:
            arguments = ["--preset", preset, "--preprocess", "cifar10"]
            if preset == "shadownet":
                arguments += ["--calibration", str(cls.data / "cifar10-calibration"), "--calibration-limit", "20"]
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

        command = [str(cls.command), *map(str, arguments)]
        return subprocess.run(
            command, env=cls.env, text=True, capture_output=True, timeout=TIMEOUT, preexec_fn=limit, check=False
        )

    def succeed(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        done = self.run_cli(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def succeed_json(self, *arguments: object) -> dict[str, object]:
        document = json.loads(self.succeed(*arguments, "--json").stdout)
        self.assertEqual(document["schema"], 1)
        return document

    def changed_model(self, name: str, tensor: bytes) -> Path:
        """The model with one byte of a weight changed: another network of the same shapes."""
        data = bytearray(self.model.read_bytes())
        data[data.index(b"B" + bytes([len(tensor)]) + tensor + b"J") + len(tensor) + 10] ^= 1
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def refused(
        self, code: str, exit_code: int, text: str, *arguments: object, file_limit: int | None = None
    ) -> None:
        done = self.run_cli(*arguments, file_limit=file_limit)
        self.assertEqual(done.returncode, exit_code, done.stderr)
        self.assertRegex(done.stderr, rf"(?m)^error: {code}: ")
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")


def main() -> None:
    CliCase.shipped, CliCase.data = Path(sys.argv.pop(1)) / "penumbra", Path(sys.argv.pop(1))
    CliCase.command = Path(sys.argv.pop(1)) if len(sys.argv) > 1 and Path(sys.argv[1]).exists() else CliCase.shipped
    unittest.main()
