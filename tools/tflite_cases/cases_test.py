"""python -m unittest discover -s tools/tflite_cases -t tools -p '*_test.py'"""

import unittest
from pathlib import Path

import numpy as np

from tflite_cases.__main__ import build
from tflite_cases.bad import BAD
from tflite_cases.cases import CASES

DATA = Path(__file__).resolve().parents[2] / "tests/data/tflite"


class CheckedIn(unittest.TestCase):
    def test_models_and_values_are_what_the_runtime_gives(self) -> None:
        for name in CASES:
            with self.subTest(name):
                model, values = build(name)
                self.assertEqual(model, (DATA / f"{name}.tflite").read_bytes())
                # Kernels differ between processors in the last bits.
                np.testing.assert_allclose(values, np.load(DATA / f"{name}.npy"), 1e-5, 1e-5)

    def test_bad_models(self) -> None:
        for name, make in BAD.items():
            with self.subTest(name):
                self.assertEqual(make(), (DATA / "bad" / f"{name}.tflite").read_bytes())

    def test_nothing_else_is_there(self) -> None:
        self.assertEqual({path.stem for path in DATA.glob("*.tflite")}, set(CASES))
        self.assertEqual({path.stem for path in DATA.glob("bad/*")}, set(BAD))


if __name__ == "__main__":
    unittest.main()
