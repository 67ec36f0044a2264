"""python -m unittest discover -s tools/reference -p '*_test.py'"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "tests" / "data"
MODEL = DATA / "resnet44-cifar10.onnx"

# 253 of 300; another JPEG decoder may move a picture across the border.
CORRECT, TOLERATED = 253, 2


def _run(script: str, *arguments: str, stdin: str = "") -> str:
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


class GoldenVectors(unittest.TestCase):
    def test_checked_in_vectors_are_those_of_the_scripts(self) -> None:
        for name in ("field", "cover"):
            header = HERE.parents[1] / "src" / "kernels" / f"{name}_golden_test_support.h"
            self.assertEqual(_run(f"{name}_vectors.py"), header.read_text())


class Scripts(unittest.TestCase):
    def test_dataset_then_run_give_the_same_logits(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            logits, labels, inputs, again = (f"{folder}/{n}.npy" for n in "abcd")
            options = ["--data", str(DATA / "cifar10" / "test"), "--preprocess", "cifar10"]
            options += ["--out", logits, labels, "--save-inputs", inputs]
            summary = json.loads(_run("ort_dataset.py", str(MODEL), *options))
            _run("ort_run.py", str(MODEL), "--inputs", f"input={inputs}", "--out", again)
            self.assertLess(np.abs(np.load(logits) - np.load(again)).max(), 1e-3)
            counts = np.bincount(np.load(labels), minlength=10)
        self.assertEqual(summary["pictures"], 300)
        self.assertEqual(counts.tolist(), [30] * 10)
        self.assertLessEqual(abs(round(summary["accuracy"] * 300) - CORRECT), TOLERATED)

    def test_bench_speaks_the_line_protocol(self) -> None:
        lines = _run("ort_bench.py", str(MODEL), stdin="run 3\nrun x\nquit\nrun 1\n").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[0], r"^ready ONNX Runtime \d")
        times = json.loads(lines[1])
        self.assertEqual(len(times), 3)
        self.assertTrue(all(nanoseconds > 10_000 for nanoseconds in times))
        self.assertTrue(lines[2].startswith("error"))

    def test_a_missing_model_is_a_plain_error(self) -> None:
        command = [sys.executable, str(HERE / "ort_run.py"), "none.onnx"]
        command += ["--inputs", "a.npy", "--out", "b.npy"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "ort_run.py: no model none.onnx\n")


if __name__ == "__main__":
    unittest.main()
