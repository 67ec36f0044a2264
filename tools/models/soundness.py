#!/usr/bin/env python3
"""Prints the soundness and the cost of checked replies of networks, as Markdown (docs/integrity.md).

    tools/models/soundness.py --penumbra build/bin/penumbra [--preset shadownet] MODEL.onnx...

Every model is protected without writing a bundle, calibrated on noise of its input's shape: counts of multiplications
and bytes do not depend on the values.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from checkout_venv import enter_venv  # noqa: E402


def write_noise(model: pathlib.Path, folder: pathlib.Path) -> None:
    """Two samples of the model's one input, the same on every machine."""
    import numpy
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [port for port in graph.input if port.name not in constants]
    if len(inputs) != 1:
        sys.exit(f"{model}: one input expected, {len(inputs)} found")
    shape = [dim.dim_value or 1 for dim in inputs[0].type.tensor_type.shape.dim]
    random = numpy.random.default_rng(1)
    for i in range(2):
        numpy.save(folder / f"{i}.npy", random.standard_normal(shape).astype(numpy.float32))


def report(penumbra: str, model: pathlib.Path, preset: str, soundness: int) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "noise").mkdir()
        write_noise(model, folder / "noise")
        command = [penumbra, "protect", str(model), "--dry-run", "--preset", preset, "--integrity", "freivalds",
                   "--soundness", str(soundness), "--calibration", str(folder / "noise"),
                   "--report", str(folder / "report.json")]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{model}: {done.stderr.strip()}")
        return json.loads((folder / "report.json").read_text())


def row(name: str, document: dict) -> str:
    layers = document["layers"]
    checked = [layer for layer in layers if layer["projections"] != 0]
    inside = [layer for layer in layers if layer["placement"] == "trusted"]
    public_macs = sum(layer["public_macs"] for layer in layers)
    projections = sorted({layer["projections"] for layer in checked})
    cells = [name, str(len(checked)), str(len(inside)), "/".join(map(str, projections)) or "-",
             f"2^-{document['soundness_bits']}" if checked else "-",
             f"{document['check_macs'] / 1e6:.0f}",
             f"{100 * document['check_macs'] / public_macs:.1f}%" if public_macs else "-",
             f"{document['secure_memory_peak_bytes'] / 2**20:.2f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--penumbra", default="build/bin/penumbra")
    parser.add_argument("--preset", default="shadownet")
    parser.add_argument("--soundness", type=int, default=40)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    print("| network | checked | inside | projections | error at most | check, M mult. | of the public work | secure memory, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for model in arguments.models:
        print(row(model.stem, report(arguments.penumbra, model, arguments.preset, arguments.soundness)), flush=True)


if __name__ == "__main__":
    enter_venv()
    main()
