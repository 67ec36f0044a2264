"""Models that must be refused; the C++ test of the same names says how."""

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflite_cases.parts import conv, image
from tflite_cases.maker import Maker

BAD: dict[str, Callable[[], bytes]] = {}


def bad(build: Callable[[Maker], Callable[[schema.ModelT], None] | None]) -> None:
    """`build` returns what to do to the finished model, if anything."""

    def make() -> bytes:
        maker = Maker(7)
        return maker.pack(build(maker))

    BAD[build.__name__.replace("_", "-")] = make


def _relu(m: Maker) -> None:
    m.output(m.op("RELU", [m.input(2, 3)]))


@bad
def unknown_operators(m: Maker) -> None:
    x = m.input(2, 3)
    a = m.op("CUSTOM", [x], custom="TFLite_Detection_PostProcess")
    b = m.op("RELU", [m.op("CUMSUM", [a])])
    m.output(m.op("RELU6", [b], version=99))


@bad
def quantised(m: Maker) -> None:
    x = m.input(1, 4, 4, 3)
    filters = m.constant(np.ones((2, 1, 1, 3)), np.int8)
    m.quantized(filters, 0.5)
    m.output(m.op("CONV_2D", [x, filters], "Conv2DOptions", padding=0, strideW=1, strideH=1))


@bad
def later_operator(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.operatorCodes[0].builtinCode = 4000

    return tamper


@bad
def several_unsupported_layers(m: Maker) -> None:
    """Known operators, each used in a way that is not read."""
    x = m.input(1, 4, 4, 3)
    a = conv(m, x, 3, 2, fusedActivationFunction=schema.ActivationFunctionType.SIGN_BIT)
    m.output(a)
    pads = m.constant([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    m.output(m.op("MIRROR_PAD", [x, pads], "MirrorPadOptions", mode=1))


@bad
def two_subgraphs(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)
    return lambda model: model.subgraphs.append(model.subgraphs[0])


@bad
def another_schema_version(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.version = 2

    return tamper


@bad
def tensor_out_of_range(m: Maker) -> None:
    m.input(2, 3)
    m.output(m.op("RELU", [77]))


@bad
def output_out_of_range(m: Maker) -> None:
    _relu(m)
    m.output(-1)


@bad
def buffer_out_of_range(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].tensors[0].buffer = 9

    return tamper


@bad
def operator_code_out_of_range(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].operators[0].opcodeIndex = 5

    return tamper


@bad
def cycle(m: Maker) -> None:
    x = m.input(2, 3)
    m.output(m.op("ADD", [x, 2], "AddOptions"))
    m.op("RELU", [1])


@bad
def defined_twice(m: Maker) -> Callable[[schema.ModelT], None]:
    x = m.input(2, 3)
    m.op("RELU", [x])
    m.output(m.op("NEG", [x]))

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].operators[0].outputs = [2]

    return tamper


@bad
def short_buffer(m: Maker) -> Callable[[schema.ModelT], None]:
    m.output(m.op("ADD", [m.input(2, 3), m.weights(3)], "AddOptions"))

    def tamper(model: schema.ModelT) -> None:
        model.buffers[1].data = model.buffers[1].data[:-1]

    return tamper


@bad
def overflowing_shape(m: Maker) -> Callable[[schema.ModelT], None]:
    m.output(m.op("ADD", [m.input(2, 3), m.weights(3)], "AddOptions"))

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].tensors[1].shape = [2**31 - 1] * 8

    return tamper


@bad
def negative_dimension(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].tensors[0].shape = [2, -3]

    return tamper


@bad
def open_width(m: Maker) -> None:
    x = m.input(1, 4, 4, 3)
    m.open_dimensions(x, -1, 4, -1, 3)
    m.output(m.op("RELU", [x]))


@bad
def variable(m: Maker) -> Callable[[schema.ModelT], None]:
    _relu(m)

    def tamper(model: schema.ModelT) -> None:
        model.subgraphs[0].tensors[0].isVariable = True

    return tamper


@bad
def options_of_another(m: Maker) -> None:
    m.output(m.op("SOFTMAX", [m.input(2, 3)], "AddOptions"))


@bad
def no_options(m: Maker) -> None:
    m.output(m.op("CONV_2D", [m.input(1, 4, 4, 3), m.weights(2, 1, 1, 3)]))


@bad
def zero_stride(m: Maker) -> None:
    m.output(conv(m, m.input(1, 4, 4, 3), 3, 2, strideW=0))


@bad
def computed_shape(m: Maker) -> None:
    wanted = m.input(2, name="wanted", dtype=np.int32)
    m.output(m.op("RESHAPE", [image(m), wanted], "ReshapeOptions"))


@bad
def declared_as_another_type(m: Maker) -> None:
    m.output(m.op("RELU", [m.input(2, 3)], dtype=np.int32))


@bad
def no_output(m: Maker) -> None:
    m.op("RELU", [m.input(2, 3)])


@bad
def endless_padding(m: Maker) -> None:
    x = m.input(2, 3)
    pads = m.constant([[0, -(2**63)], [0, 2**63 - 1]], np.int64)
    m.output(m.op("PAD", [x, pads]))
