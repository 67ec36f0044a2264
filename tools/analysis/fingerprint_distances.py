#!/usr/bin/env python3
"""Plots how far fingerprints and ordinary queries lie apart, for oblivious and for fixed fingerprints: SOTER's figure.

    build/tests/malice/fingerprint_run --distances distances.json tests/data/resnet44-cifar10.onnx
    tools/analysis/fingerprint_distances.py distances.json fingerprints.svg

Prints mean and deviation of every distribution.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from checkout_venv import enter_venv  # noqa: E402

PAIRS = {
    "query_query": "two queries",
    "fingerprint_query": "a fingerprint and a query",
    "fingerprint_fingerprint": "two fingerprints",
}
KINDS = ("oblivious", "fixed")


def table(distances: dict[str, Any]) -> str:
    lines = ["| fingerprints | distance between | mean | deviation | least |", "|---|---|---|---|---|"]
    for kind in KINDS:
        for pair, text in PAIRS.items():
            values = distances[kind][pair]
            figures = (statistics.mean(values), statistics.pstdev(values), min(values))
            lines.append(f"| {kind} | {text} | " + " | ".join(f"{value:.3g}" for value in figures) + " |")
    return "\n".join(lines)


def plot(distances: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "fingerprints"  # equal figures are equal files
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(KINDS), figsize=(8, 3), sharex=True, sharey=True)
    most = max(max(distances[kind][pair]) for kind in KINDS for pair in PAIRS)
    bins = [most * i / 40 for i in range(41)]
    for axis, kind in zip(axes, KINDS, strict=True):
        for pair, text in PAIRS.items():
            values = distances[kind][pair]
            axis.hist(values, bins=bins, weights=[1 / len(values)] * len(values), histtype="step", label=text)
        axis.set_title(f"{kind} fingerprints")
        axis.set_xlabel("Euclidean distance")
    axes[0].set_ylabel("share of pairs")
    axes[0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    distances = json.loads(Path(sys.argv[1]).read_text())
    print(table(distances))
    if len(sys.argv) == 3:
        plot(distances, Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    enter_venv()
    sys.exit(main())
