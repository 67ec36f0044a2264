#!/usr/bin/env python3
"""Models with several inputs on the command line: samples and results are NumPy archives (.npz).

usage: archives_test.py BIN_FOLDER
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from checkout_venv import enter_venv  # noqa: E402

BIN = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()


def write_model(path: Path) -> None:
    """sum = relu(left W) V + right; difference = left - right."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    random = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(random.standard_normal(shape, dtype=np.float32), name)
        for name, shape in (("W", (8, 32)), ("V", (32, 8)))
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8])
        for name in ("left", "right", "sum", "difference")
    ]
    nodes = [
        helper.make_node("MatMul", ["left", "W"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["kept"]),
        helper.make_node("MatMul", ["kept", "V"], ["mixed"]),
        helper.make_node("Add", ["mixed", "right"], ["sum"]),
        helper.make_node("Sub", ["left", "right"], ["difference"]),
    ]
    graph = helper.make_graph(nodes, "pair", ports[:2], ports[2:], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class Archives(unittest.TestCase):
    folder: Path
    model: Path
    samples: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        import numpy as np

        cls.folder = Path(tempfile.mkdtemp(prefix="penumbra-archives-"))
        cls.model = cls.folder / "pair.onnx"
        write_model(cls.model)
        random = np.random.default_rng(2)
        cls.samples = {name: random.standard_normal((16, 8), dtype=np.float32) for name in ("left", "right")}
        (cls.folder / "samples").mkdir()
        np.savez(cls.folder / "samples" / "all.npz", **cls.samples)
        np.savez_compressed(
            cls.folder / "samples" / "one.npz", **{name: values[:1] / 2 for name, values in cls.samples.items()}
        )

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.folder)

    def run_penumbra(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder)}
        return subprocess.run(
            [BIN / "penumbra", *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
        )

    def protect(self, preset: str) -> Path:
        bundle = self.folder / f"{preset}.penumbra"
        arguments = ("-o", bundle, "--preset", preset, "--calibration", self.folder / "samples", "--name", preset)
        done = self.run_penumbra("protect", self.model, *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["calibration_samples"], 0 if preset == "plain" else 17)
        return bundle

    def test_all_outputs_in_one_archive(self) -> None:
        import numpy as np
        import onnxruntime

        bundle, out = self.protect("shadownet"), self.folder / "out.npz"
        done = self.run_penumbra("run", bundle, "-i", self.folder / "samples" / "all.npz", "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        session = onnxruntime.InferenceSession(self.model, providers=["CPUExecutionProvider"])
        rows = [session.run(None, {k: v[i : i + 1] for k, v in self.samples.items()}) for i in range(16)]
        with np.load(out) as ours:
            self.assertEqual(sorted(ours.files), ["difference", "sum"])
            for i, name in enumerate(("sum", "difference")):
                theirs = np.concatenate([row[i] for row in rows])
                self.assertEqual(ours[name].dtype, np.float32)
                np.testing.assert_allclose(ours[name], theirs, rtol=0, atol=0.02 * np.abs(theirs).max())

    def test_compare_and_bench(self) -> None:
        bundle = self.protect("enclave")
        same = ("--preset", "enclave", "--calibration", self.folder / "samples", "--layers", "--json")
        done = self.run_penumbra("compare", self.model, bundle, "--data", self.folder / "samples", *same)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["samples"], 17)
        self.assertLess(found["max_abs_error"], 0.05 * found["max_abs_value"])
        self.assertTrue(any(layer["kind"] == "linear" for layer in found["layers"]))
        done = self.run_penumbra("bench", self.model, "--preset", "enclave", "--iterations", 2, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_refusals(self) -> None:
        import numpy as np

        bundle, wrong = self.protect("plain"), self.folder / "wrong.npz"
        left, right = self.samples["left"], self.samples["right"]
        cases = (
            ({"left": left}, "P102", "no array for input 'right'"),
            ({"left": left, "right": right, "up": left}, "P102", "no input 'up'"),
            ({"left": left, "right": right[:3]}, "P103", "input 'right' has 3 samples, 'left' 16"),
            ({"left": left[:, :7], "right": right}, "P103", "expects 1x8, got 16x7"),
        )
        for arrays, code, text in cases:
            np.savez(wrong, **arrays)
            done = self.run_penumbra("run", bundle, "-i", wrong)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, rf"(?m)^error: {code}: ")
            self.assertIn(text, done.stderr)
            self.assertIn("wrong.npz", done.stderr)
        np.save(self.folder / "left.npy", left)
        done = self.run_penumbra("run", bundle, "-i", self.folder / "left.npy")
        self.assertIn("name one .npz with all of them", done.stderr)
        wrong.write_bytes(b"no archive")
        done = self.run_penumbra("run", bundle, "-i", wrong)
        self.assertRegex(done.stderr, r"(?m)^error: P301: \.npz: the archive cannot be read")


if __name__ == "__main__":
    enter_venv()
    unittest.main(argv=sys.argv[:1], verbosity=2)
