#!/usr/bin/env python3
"""Times a model in ONNX Runtime, alone or interleaved with another program.

With --iterations N: prints one JSON object (milliseconds) and ends.
Without: a line protocol on standard input and output, for a caller that takes turns on the cores:
    prints `ready` and the runtime's version once warm; for each line `run N` prints N times in nanoseconds as a JSON array;
    ends on `quit` or end of file. A line it does not understand is answered with `error ...`.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from runtime import session

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def _parse_shapes(arguments: list[str]) -> dict[str, list[int]]:
    shapes = {}
    for argument in arguments:
        name, separator, text = argument.rpartition(":")
        if not separator:
            raise ValueError(f"--shapes wants NAME:1x3x224x224, not {argument}")
        shapes[name] = [int(part) for part in text.split("x")]
    return shapes


def _random_feeds(
    model: ort.InferenceSession, shapes: dict[str, list[int]]
) -> dict[str, npt.NDArray[np.generic]]:
    """Normal noise for float inputs, zeros for the others; dimensions left open become 1."""
    generator = np.random.default_rng(1)
    feeds: dict[str, npt.NDArray[np.generic]] = {}
    for tensor in model.get_inputs():
        shape = shapes.get(tensor.name) or [d if isinstance(d, int) else 1 for d in tensor.shape]
        kind = np.dtype(TYPES[tensor.type])
        values = generator.standard_normal(shape) if kind.kind == "f" else np.zeros(shape)
        feeds[tensor.name] = values.astype(kind)
    return feeds


class Bench:
    def __init__(self, model: ort.InferenceSession, shapes: dict[str, list[int]]) -> None:
        self._model = model
        self._feeds = _random_feeds(model, shapes)

    def run(self, count: int) -> list[int]:
        """Nanoseconds of each of `count` inferences."""
        times = []
        for _ in range(count):
            start = time.perf_counter_ns()
            self._model.run(None, self._feeds)
            times.append(time.perf_counter_ns() - start)
        return times


def _serve(bench: Bench) -> None:
    print(f"ready ONNX Runtime {ort.__version__}", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["run", count] if count.isdecimal():
                print(json.dumps(bench.run(int(count))), flush=True)
            case ["quit"]:
                return
            case _:
                print(f"error: expected `run N` or `quit`, got {line.strip()!r}", flush=True)


def _summary(times: list[int]) -> dict[str, float]:
    milliseconds = np.array(times) / 1e6
    summary = {"mean": float(milliseconds.mean())}
    for percent in (50, 90, 95, 99):
        summary[f"p{percent}"] = float(np.percentile(milliseconds, percent))
    return summary


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--shapes", nargs="*", default=[], metavar="NAME:1x3x224x224")
    arguments = parser.parse_args()
    try:
        shapes = _parse_shapes(arguments.shapes)
        bench = Bench(session(arguments.model, arguments.threads), shapes)
    except (OSError, KeyError, ValueError) as error:
        print(f"ort_bench.py: {error}", file=sys.stderr)
        return 1
    bench.run(arguments.warmup)
    if arguments.iterations is None:
        _serve(bench)
    else:
        print(json.dumps(_summary(bench.run(arguments.iterations))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
