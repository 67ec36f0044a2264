"""The self-check: published sizes, and activations that behave on pictures never calibrated on."""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

from zoo.catalogue import CATALOGUE, build
from zoo.draw import FloatArray
from zoo.network import LOGIT_SPREAD, Network, Options
from zoo.pictures import pictures

PICTURES = 16
PARAMETER_TOLERANCE = 0.01
LARGEST_ACTIVATION = 1000.0


def _session(model: bytes | str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(path: Path, seed: int) -> list[FloatArray]:
    """Every output of the network on fresh pictures."""
    session = _session(str(path))
    _, channels, size, _ = session.get_inputs()[0].shape
    inputs = pictures(seed + 1000, PICTURES, channels, size).astype(np.float32)
    return [np.asarray(y) for y in session.run(None, {"input": inputs})]


def _largest_activation(path: Path, seed: int) -> float:
    """The largest magnitude of any convolution, normalisation, join or dense output."""
    model = onnx.load(path)
    watched = {"Conv", "BatchNormalization", "Add", "Concat", "Gemm"}
    outputs = {output.name for output in model.graph.output}
    for node in model.graph.node:
        if node.op_type in watched and node.output[0] not in outputs:
            model.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    path.write_bytes(model.SerializeToString())
    session = _session(str(path))
    _, channels, size, _ = session.get_inputs()[0].shape
    picture = pictures(seed + 1000, 1, channels, size).astype(np.float32)
    return max(float(np.abs(y).max()) for y in session.run(None, {"input": picture}))


def _complaints(name: str, net: Network, outputs: list[FloatArray], peak: float) -> list[str]:
    found = []
    published = CATALOGUE[name].published_millions
    if published is not None:
        error = net.parameter_count / (published * 1e6) - 1.0
        if abs(error) > PARAMETER_TOLERANCE:
            found.append(f"{net.parameter_count} parameters, published {published} million")
    if not all(np.isfinite(y).all() for y in outputs):
        found.append("outputs are not finite")
    if not peak < LARGEST_ACTIVATION:
        found.append(f"activations reach {peak:.3g}")
    if name == "yolov4-tiny":
        if any(np.std(y - y.mean(axis=0)) < 0.1 for y in outputs):
            found.append("outputs hardly depend on the input")
        return found
    logits = outputs[0]
    spread = float(np.std(logits - logits.mean(axis=0)))
    if not LOGIT_SPREAD / 4 < spread < LOGIT_SPREAD * 4:
        found.append(f"logit spread {spread:.2f}")
    if len(set(logits.argmax(axis=1))) < PICTURES // 4:
        found.append("almost every picture gets the same class")
    return found


def _row(name: str, options: Options) -> tuple[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        net = build(name, options)
        net.save(path)
        onnx.checker.check_model(str(path))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        megabytes = path.stat().st_size / 1e6
        outputs = _run(path, options.seed)
        peak = _largest_activation(path, options.seed)
    row = f"{name:<16}{net.parameter_count / 1e6:>9.3f}{net.mac_count / 1e6:>10.1f}"
    row += f"{megabytes:>8.1f}  {digest}{peak:>8.1f}"
    if name != "yolov4-tiny":
        logits = outputs[0]
        ordered = np.sort(logits, axis=1)
        margins = ordered[:, -1] - ordered[:, -2]
        classes = len(set(logits.argmax(axis=1)))
        row += f"{np.std(logits - logits.mean(axis=0)):>8.2f}"
        row += f"{np.median(margins):>8.2f}{margins.min():>8.3f}{classes:>5}/{PICTURES}"
    return row, _complaints(name, net, outputs, peak)


def check(names: list[str], options: Options) -> int:
    """Prints one line per network; returns 1 when any of them is wrong."""
    print(f"{'network':<16}{'Mparam':>9}{'MMAC':>10}{'MB':>8}  {'sha256':<12}{'peak':>8}", end="")
    print(f"{'spread':>8}{'margin':>8}{'least':>8}{'classes':>8}")
    wrong = 0
    for name in names:
        row, complaints = _row(name, replace(options, dynamic_batch=True))
        print(row, flush=True)
        for complaint in complaints:
            print(f"  WRONG: {complaint}", flush=True)
        wrong += len(complaints)
    return 1 if wrong else 0
