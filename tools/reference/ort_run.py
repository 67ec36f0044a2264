#!/usr/bin/env python3
"""Runs a model once with ONNX Runtime on .npy files.

ort_run.py MODEL --inputs [NAME=]a.npy ... --out [NAME=]b.npy ...
Without names, files stand for the model's inputs and outputs in order.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from runtime import session


def _assign(arguments: list[str], names: list[str], what: str) -> dict[str, Path]:
    assigned: dict[str, Path] = {}
    for position, argument in enumerate(arguments):
        name, separator, file = argument.rpartition("=")
        if not separator:
            if position >= len(names):
                raise ValueError(
                    f"the model has {len(names)} {what}s, {len(arguments)} files given"
                )
            name = names[position]
        if name not in names:
            raise ValueError(f"no {what} named {name}; the model has {', '.join(names)}")
        assigned[name] = Path(file)
    return assigned


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--inputs", nargs="+", required=True, metavar="[NAME=]FILE")
    parser.add_argument("--out", nargs="+", required=True, metavar="[NAME=]FILE")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    try:
        model = session(arguments.model, arguments.threads)
        inputs = _assign(arguments.inputs, [i.name for i in model.get_inputs()], "input")
        outputs = _assign(arguments.out, [o.name for o in model.get_outputs()], "output")
        feeds = {name: np.load(file, allow_pickle=False) for name, file in inputs.items()}
    except (OSError, ValueError) as error:
        print(f"ort_run.py: {error}", file=sys.stderr)
        return 1
    for file, values in zip(outputs.values(), model.run(list(outputs), feeds), strict=True):
        np.save(file, values)
    return 0


if __name__ == "__main__":
    sys.exit(main())
