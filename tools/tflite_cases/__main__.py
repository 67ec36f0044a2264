"""Writes the models and what TensorFlow's own runtime computes: python -m tflite_cases -o DIR

Each NAME.tflite has a NAME.npy beside it: the elements of all inputs and then of all outputs. Those
in bad/ must be refused.
"""

import argparse
from pathlib import Path

import numpy as np

from tflite_cases.bad import BAD
from tflite_cases.cases import CASES
from tflite_cases.maker import Array, Maker, run

SEED = 7


def build(name: str) -> tuple[bytes, Array]:
    maker = Maker(SEED)
    CASES[name](maker)
    model = maker.complete()
    feeds = maker.feeds()
    values = [*feeds, *run(model, feeds)]
    return model, np.concatenate([value.ravel().astype(np.float32) for value in values])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    folder = parser.parse_args().out
    (folder / "bad").mkdir(parents=True, exist_ok=True)
    for name in CASES:
        model, values = build(name)
        (folder / f"{name}.tflite").write_bytes(model)
        np.save(folder / f"{name}.npy", values)
    for name, make in BAD.items():
        (folder / "bad" / f"{name}.tflite").write_bytes(make())


if __name__ == "__main__":
    main()
