#!/usr/bin/env python3
"""Runs a classifier with ONNX Runtime over a folder of pictures, one subfolder per class.

ort_dataset.py MODEL --data DIR --preprocess cifar10 --limit 100 --out logits.npy labels.npy
Prints the accuracy and the top-1 margins. --save-inputs keeps the preprocessed pictures, so that
another program can be compared on the very same numbers whatever its JPEG decoder does.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from runtime import PREPROCESS, FloatImage, labelled_files, load, session


def _logits(model_path: Path, inputs: FloatImage, threads: int, batch: int) -> FloatImage:
    model = session(model_path, threads)
    tensor = model.get_inputs()[0]
    if isinstance(tensor.shape[0], int):
        batch = tensor.shape[0]
    if len(inputs) % batch and isinstance(tensor.shape[0], int):
        raise ValueError(f"{len(inputs)} pictures do not fill batches of {batch}, which are fixed")
    parts = [
        model.run(None, {tensor.name: inputs[first : first + batch]})[0]
        for first in range(0, len(inputs), batch)
    ]
    return np.concatenate(parts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preprocess", choices=sorted(PREPROCESS), required=True)
    parser.add_argument("--limit", type=int, help="at most this many pictures, classes balanced")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, nargs=2, metavar=("LOGITS", "LABELS"))
    parser.add_argument("--save-inputs", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        files = labelled_files(arguments.data, arguments.limit)
        inputs = np.stack(list(load(files, arguments.preprocess)))
        logits = _logits(arguments.model, inputs, arguments.threads, arguments.batch)
    except (OSError, ValueError) as error:
        print(f"ort_dataset.py: {error}", file=sys.stderr)
        return 1
    labels = np.array([label for _, label in files], dtype=np.int64)
    if arguments.out:
        np.save(arguments.out[0], logits)
        np.save(arguments.out[1], labels)
    if arguments.save_inputs:
        np.save(arguments.save_inputs, inputs)
    ordered = np.sort(logits, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    summary = {
        "pictures": len(files),
        "accuracy": float(np.mean(logits.argmax(axis=1) == labels)),
        "margin_p1": float(np.percentile(margins, 1)),
        "margin_p50": float(np.median(margins)),
    }
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
