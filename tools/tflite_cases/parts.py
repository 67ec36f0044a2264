"""The list of the models, and pieces that several of them are made of."""

from collections.abc import Callable
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tflite_cases.maker import Maker

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
RELU = schema.ActivationFunctionType.RELU
RELU6 = schema.ActivationFunctionType.RELU6

Case = Callable[[Maker], None]
CASES: dict[str, Case] = {}


def add(name: str, build: Callable[[Maker], Any]) -> None:
    """`build` returns the output, or a list of them."""

    def case(m: Maker) -> None:
        made = build(m)
        m.output(*(made if isinstance(made, list) else [made]))

    if name in CASES:
        raise ValueError(f"{name} comes twice")
    CASES[name] = case


def conv(m: Maker, x: int, inputs: int, outputs: int, kernel: int = 3, **fields: Any) -> int:
    fields = {"padding": SAME, "strideW": 1, "strideH": 1} | fields
    filters, bias = m.weights(outputs, kernel, kernel, inputs), m.weights(outputs)
    return int(m.op("CONV_2D", [x, filters, bias], "Conv2DOptions", **fields))


def image(m: Maker, channels: int = 4, size: int = 5) -> int:
    """An image that some convolution has made: channels first in the graph."""
    return conv(m, m.input(1, size, size + 1, 3), 3, channels)


def dense(m: Maker, x: int, inputs: int, outputs: int, **fields: Any) -> int:
    weights = [m.weights(outputs, inputs), m.weights(outputs)]
    return int(m.op("FULLY_CONNECTED", [x, *weights], "FullyConnectedOptions", **fields))


def flatten(m: Maker, x: int, *shape: int) -> int:
    return int(m.op("RESHAPE", [x, m.ints(*shape)], "ReshapeOptions", newShape=list(shape)))
