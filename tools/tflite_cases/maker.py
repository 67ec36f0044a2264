"""Builds TFLite files by hand with the schema's own Python classes."""

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

Array = npt.NDArray[Any]

TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.bool_): schema.TensorType.BOOL,
    np.dtype(np.int8): schema.TensorType.INT8,
}


class Maker:
    """Tensors are known by their index in the file."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._tensors: list[schema.TensorT] = []
        self._buffers = [schema.BufferT()]  # the first one stays empty
        self._codes: list[schema.OperatorCodeT] = []
        self._operators: list[schema.OperatorT] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    def numbers(self, *shape: int, low: float = -1, high: float = 1) -> Array:
        return self._random.uniform(low, high, shape).astype(np.float32)

    def _tensor(self, name: str, shape: tuple[int, ...], dtype: Any, buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
        tensor.type = TYPES[np.dtype(dtype)]
        tensor.hasRank = True
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def input(self, *shape: int, name: str = "", dtype: Any = np.float32) -> int:
        index = self._tensor(name or f"x{len(self._inputs)}", shape, dtype)
        self._inputs.append(index)
        return index

    def constant(self, values: Any, dtype: Any = None) -> int:
        array = np.asarray(values, dtype)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self._buffers.append(buffer)
        return self._tensor(
            f"c{len(self._tensors)}", array.shape, array.dtype, len(self._buffers) - 1
        )

    def ints(self, *values: int) -> int:
        return self.constant(values, np.int32)

    def weights(self, *shape: int) -> int:
        return self.constant(self.numbers(*shape))

    def scalar(self, value: int) -> int:
        return self.constant(value, np.int32)

    def open_dimensions(self, tensor: int, *signature: int) -> None:
        self._tensors[tensor].shapeSignature = list(signature)

    def quantized(self, tensor: int, scale: float) -> None:
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [scale], [0]
        self._tensors[tensor].quantization = quantization

    def rename(self, tensor: int, name: str) -> int:
        self._tensors[tensor].name = name
        return tensor

    def _code(self, builtin: int, version: int, custom: str | None) -> int:
        for index, code in enumerate(self._codes):
            if (code.builtinCode, code.version, code.customCode) == (builtin, version, custom):
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version, code.customCode = builtin, version, custom
        code.deprecatedBuiltinCode = min(builtin, 127)
        self._codes.append(code)
        return len(self._codes) - 1

    def op(
        self,
        name: str,
        inputs: list[int],
        options: str | None = None,
        *,
        outputs: int = 1,
        dtype: Any = np.float32,
        version: int = 1,
        custom: str | None = None,
        **fields: Any,
    ) -> Any:
        """The index of the output, or of all of them; `fields` are those of the options' table."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(schema.BuiltinOperator, name), version, custom)
        operator.inputs = inputs
        if options is not None:
            table = getattr(schema, options + "T")()
            for key, value in fields.items():
                if not hasattr(table, key):
                    raise AttributeError(f"{options} has no {key}")
                setattr(table, key, value)
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = table
        made = [self._tensor(f"t{len(self._tensors)}", (), dtype) for _ in range(outputs)]
        operator.outputs = made
        self._operators.append(operator)
        return made[0] if outputs == 1 else made

    def output(self, *tensors: int) -> None:
        self._outputs += tensors

    def pack(self, tamper: Callable[[schema.ModelT], None] | None = None) -> bytes:
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = self._inputs, self._outputs
        model = schema.ModelT()
        model.version, model.description = 3, "made by tools/tflite_cases"
        model.operatorCodes, model.subgraphs, model.buffers = self._codes, [graph], self._buffers
        if tamper is not None:
            tamper(model)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def complete(self) -> bytes:
        """The file with the shapes that the runtime computes."""
        runtime = load(self.pack())
        for detail in runtime.get_tensor_details():
            if detail["index"] < len(self._tensors):
                self._tensors[detail["index"]].shape = [int(extent) for extent in detail["shape"]]
        return self.pack()

    def feeds(self) -> list[Array]:
        return [self.numbers(*self._tensors[index].shape, low=-2, high=2) for index in self._inputs]


def load(model: bytes) -> Interpreter:
    """The runtime's own kernels: no delegate takes over."""
    runtime = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    runtime.allocate_tensors()
    return runtime


def run(model: bytes, feeds: list[Array]) -> list[Array]:
    runtime = load(model)
    for detail, feed in zip(runtime.get_input_details(), feeds, strict=True):
        runtime.set_tensor(detail["index"], feed)
    runtime.invoke()
    return [runtime.get_tensor(detail["index"]) for detail in runtime.get_output_details()]
