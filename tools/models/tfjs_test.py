"""python -m unittest discover -s tools/models -p '*_test.py'"""

import base64
import sys
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tfjs import Converter, read_weights

INTEGERS = {
    "last": [0, 2, 3, 1],
    "first": [0, 3, 1, 2],
    "pads": [[0, 0], [0, 0], [1, 0], [0, 2]],
    "channels": 1,
    "sizes": [3, 5],
    "twice": [8, 12],
    "flat": [1, -1],
}
RNG = np.random.default_rng(3)
FLOATS = {
    "filters": RNG.standard_normal((1, 1, 3, 2)).astype(np.float32),
    "bias": RNG.standard_normal(2).astype(np.float32),
}
WEIGHTS = {k: np.array(v, np.int32) for k, v in INTEGERS.items()} | FLOATS


def node(name: str, op: str, *inputs: str, **attr: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def shape(*extents: int) -> dict[str, Any]:
    return {"dim": [{"size": str(extent)} for extent in extents]}


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


CONV = {
    "data_format": text("NHWC"),
    "padding": text("VALID"),
    "strides": numbers(1, 1, 1, 1),
    "dilations": numbers(1, 1, 1, 1),
}
PICTURE = node("x", "Placeholder", shape={"shape": shape(1, 3, 4, 5)})


def run(nodes: list[dict[str, Any]], out: tuple[int, ...], x: np.ndarray) -> tuple[Any, list[str]]:
    """What the last node gives, and the operators that are left."""
    nodes = [*nodes, node("out", "Identity", nodes[-1]["name"])]
    constants = [node(name, "Const") for name in WEIGHTS]
    signature = {"outputs": {"y:0": {"name": nodes[-1]["name"] + ":0", "tensorShape": shape(*out)}}}
    model = {"modelTopology": {"node": [*constants, PICTURE, *nodes]}, "signature": signature}
    made = Converter(model, WEIGHTS).model()
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], [n.op_type for n in made.graph.node]


class Conversion(unittest.TestCase):
    X = np.random.default_rng(4).standard_normal((1, 3, 4, 5)).astype(np.float32)

    def convolution(self) -> np.ndarray:
        """Channels first: 1x1 filters and a bias, negative values scaled."""
        made = np.einsum("nchw,co->nohw", self.X, WEIGHTS["filters"][0, 0])
        made += WEIGHTS["bias"][:, None, None]
        return np.where(made < 0, made * 0.25, made)

    NODES = [
        node("to-last", "Transpose", "x", "last"),
        node("conv", "Conv2D", "to-last", "filters", **CONV),
        node("biased", "AddV2", "conv", "bias"),
        node("to-first", "Transpose", "biased", "first"),
        node("y", "LeakyRelu", "to-first", alpha={"f": 0.25}),
    ]

    def test_transpositions_around_a_convolution_vanish(self) -> None:
        made, operators = run(self.NODES, (1, 2, 4, 5), self.X)
        np.testing.assert_allclose(made, self.convolution(), 1e-5, 1e-5)
        self.assertEqual(operators, ["Conv", "Add", "LeakyRelu", "Identity"])

    def test_axes_follow_the_order(self) -> None:
        wide = [
            node("to-last", "Transpose", "x", "last"),
            node("padded", "Pad", "to-last", "pads"),
            node("joined", "ConcatV2", "padded", "padded", "channels"),
        ]
        made, _ = run(wide, (1, 8, 6, 5), self.X)
        padded = np.pad(self.X.transpose(0, 2, 3, 1), INTEGERS["pads"])
        np.testing.assert_array_equal(made, np.concatenate([padded, padded], axis=1))
        parts = [*wide, node("parts", "SplitV", "joined", "sizes", "channels")]
        parts.append(node("flat-part", "Reshape", "parts:1", "flat"))
        made, _ = run(parts, (1, 150), self.X)
        joined = np.concatenate([padded, padded], axis=1)
        np.testing.assert_array_equal(made, joined[:, 3:].reshape(1, -1))

    def test_a_resized_image(self) -> None:
        half = {"align_corners": {"b": False}, "half_pixel_centers": {"b": True}}
        nodes = [
            node("to-last", "Transpose", "x", "last"),
            node("resized", "ResizeBilinear", "to-last", "twice", **half),
        ]
        made, _ = run(nodes, (1, 8, 12, 3), np.full_like(self.X, 2))
        np.testing.assert_allclose(made, 2, 1e-6)
        nodes[-1] = node("resized", "ResizeBilinear", "to-last", "twice", **half | {"align_corners": {"b": True}})
        with self.assertRaises(ValueError):
            run(nodes, (1, 8, 12, 3), self.X)

    def test_what_is_not_known_is_an_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "Cumsum"):
            run([node("y", "Cumsum", "x")], (1, 3, 4, 5), self.X)
        same = CONV | {"padding": text("SAME")}
        nodes = [self.NODES[0], node("y", "Conv2D", "to-last", "filters", **same)]
        with self.assertRaisesRegex(ValueError, "SAME"):
            run(nodes, (1, 4, 5, 2), self.X)


class Weights(unittest.TestCase):
    def test_half_precision_is_widened(self) -> None:
        halves = np.array([0.5, -2, 3], np.float16)
        entries = [
            {"name": "w", "shape": [3], "dtype": "float32", "quantization": {"dtype": "float16"}},
            {"name": "i", "shape": [], "dtype": "int32"},
        ]
        content = halves.tobytes() + np.int32(7).tobytes()
        weights = read_weights([{"weights": entries}], content)
        np.testing.assert_array_equal(weights["w"], halves.astype(np.float32))
        self.assertEqual(weights["w"].dtype, np.float32)
        self.assertEqual(weights["i"], 7)
        with self.assertRaises(ValueError):
            read_weights([{"weights": entries}], content + b"\0")
        entries[0]["quantization"]["dtype"] = "uint8"
        with self.assertRaises(ValueError):
            read_weights([{"weights": entries}], content)


if __name__ == "__main__":
    unittest.main()
