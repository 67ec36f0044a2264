#!/usr/bin/env python3
"""The exported public half in ONNX Runtime against the accelerators that come with penumbra.

usage: export_test.py PENUMBRA SEGMENT_RUN DATA_FOLDER
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from checkout_venv import enter_venv  # noqa: E402

PRIMES = (251, 241, 239, 233, 229, 227)  # src/boundary/geometry.h
PENUMBRA, SEGMENT_RUN, DATA = (Path(a).resolve() for a in (*sys.argv[1:], "", "", "")[:3])


class Export(unittest.TestCase):
    folder: Path

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="penumbra-export-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_penumbra(self, *arguments: object) -> str:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder)}
        done = subprocess.run(
            [PENUMBRA, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def export(self, *arguments: object, residues: bool = False) -> int:
        """Protects, exports and runs both ways, on OpenVINO too where it is built in and there are no residues;
        returns the number of segments compared."""
        bundle = self.folder / "model.penumbra"
        self.run_penumbra("protect", DATA / "resnet44-cifar10.onnx", "-o", bundle, *arguments)
        self.run_penumbra("inspect", bundle, "--export-public", self.folder)
        built_in = json.loads(self.run_penumbra("version", "--json"))["accelerators"]
        for device in ["onednn"] if residues or "openvino" not in built_in else ["onednn", "openvino"]:
            subprocess.run([SEGMENT_RUN, bundle, device, self.folder], check=True)
            count = self.compare()
        return count

    def compare(self) -> int:
        import numpy as np
        import onnx
        import onnxruntime

        models = sorted(self.folder.glob("segment-*.onnx"))
        for model in models:
            onnx.checker.check_model(str(model), full_check=True)
            session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
            feeds = {}
            for i, port in enumerate(session.get_inputs()):
                array = np.load(f"{model.with_suffix('')}.input-{i}.npy")
                feeds[port.name] = array.astype(np.uint8 if "uint8" in port.type else np.float32)
                self.assertEqual(list(array.shape), port.shape)
            for i, theirs in enumerate(session.run(None, feeds)):
                ours = np.load(f"{model.with_suffix('')}.output-{i}.npy")
                self.assertEqual(ours.shape, theirs.shape)
                self.assertGreater(np.ptp(theirs.astype(np.float64)), 0)
                if theirs.dtype == np.uint8:
                    primes = np.array(PRIMES[: len(theirs)]).reshape(-1, 1, 1, 1)
                    np.testing.assert_array_equal(ours.astype(np.int64) % primes, theirs)
                else:
                    limit = 1e-5 * float(np.abs(theirs).max())
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit)
        return len(models)

    def test_scaled_segments(self) -> None:
        for theta in (0.8, 1):
            count = self.export("--preset", "soter", "--integrity", "none", "--theta", theta)
            self.assertGreater(count, 1 if theta < 1 else 0)

    def test_scaled_channels(self) -> None:
        self.assertGreater(self.export("--preset", "securenets"), 40)

    def test_the_whole_model(self) -> None:
        self.assertEqual(self.export("--preset", "plain"), 1)

    def test_residues_are_exact(self) -> None:
        self.assertEqual(
            self.export(
                "--preset", "shadownet", "--calibration", DATA / "cifar10-calibration",
                "--calibration-limit", 4, "--preprocess", "cifar10", residues=True,
            ),
            46,
        )  # fmt: skip


if __name__ == "__main__":
    enter_venv()
    unittest.main(argv=sys.argv[:1])
