"""Graph models of TensorFlow.js as ONNX, as far as a detector needs it: convert(model.json, weights.bin, out).

Only layouts differ: TensorFlow's convolutions have channels last. A transposition is therefore not
written where it stands but kept beside the tensor, and written only before an operator that needs
the other order; those around convolutions vanish. What is computed from constants is computed here.
An operator that is not known is an error.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
OPSET = 13
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels
PLAIN = {"Add": "Add", "AddV2": "Add", "LeakyRelu": "LeakyRelu", "Sigmoid": "Sigmoid"}


@dataclass(frozen=True)
class Tensor:
    """What TensorFlow holds is `name`, transposed by `order`."""

    name: str
    order: tuple[int, ...]


def read_weights(manifest: list[dict[str, Any]], content: bytes) -> dict[str, Array]:
    weights, start = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        if entry["dtype"] not in ("int32", "float32") or stored.name not in ("int32", "float32", "float16"):
            raise ValueError(f"{entry['name']} is of type {entry['dtype']}, stored as {stored}")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(content, stored, count, start).astype(entry["dtype"])
        weights[entry["name"]] = values.reshape(entry["shape"])
        start += count * stored.itemsize
    if start != len(content):
        raise ValueError(f"weights of {start} bytes in a file of {len(content)}")
    return weights


class Converter:
    def __init__(self, model: dict[str, Any], weights: dict[str, Array]) -> None:
        self._values: dict[str, Tensor | Array] = {**weights}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        for node in model["modelTopology"]["node"]:
            self._convert(node)
        signature = model["signature"]["outputs"].values()
        names = sorted(output["name"].split(":")[0] for output in signature)
        shapes = {o["name"].split(":")[0]: _extents(o["tensorShape"]) for o in signature}
        self._outputs = [self._output(name, shapes[name]) for name in names]

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, "tfjs", self._inputs, self._outputs, self._constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        made.ir_version = 8
        onnx.checker.check_model(made, full_check=True)
        return made

    def _convert(self, node: dict[str, Any]) -> None:
        name, op = node["name"], node["op"]
        if op == "Const":
            if name not in self._values:
                raise ValueError(f"constant {name} has no weights")
            return
        if op == "Placeholder":
            shape = _extents(node["attr"]["shape"]["shape"])
            self._inputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
            self._values[name] = Tensor(name, tuple(range(len(shape))))
            return
        given = [self._value(source) for source in node["input"]]
        if all(isinstance(value, np.ndarray) for value in given):
            self._values[name] = _computed(op, given)
            return
        if op == "Identity":
            self._values[name] = given[0]
            return
        convert = getattr(self, f"_{op.lower()}", None)
        if op in PLAIN:
            self._values[name] = self._plain(node, given)
        elif convert is not None:
            self._values[name] = convert(node, given)
        else:
            raise ValueError(f"operator {op} ({name}) is not known")

    def _value(self, source: str) -> Tensor | Array:
        return self._values[source.removesuffix(":0")]

    def _emit(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def _constant(self, name: str, values: Array) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _as(self, value: Tensor, order: tuple[int, ...], user: str) -> str:
        """The name of a tensor that holds what TensorFlow's, transposed by `order`, would."""
        total = tuple(value.order[axis] for axis in order)
        if total == tuple(range(len(total))):
            return value.name
        return self._emit("Transpose", f"{user}/transposed/{value.name}", [value.name], perm=total)

    def _common(self, name: str, given: list[Any]) -> tuple[list[str], tuple[int, ...]]:
        """Inputs in the order of the first tensor among them; constants are brought to it."""
        order = next(value.order for value in given if isinstance(value, Tensor))
        back = tuple(np.argsort(order).tolist())
        names = []
        for index, value in enumerate(given):
            if isinstance(value, Tensor):
                names.append(self._as(value, back, f"{name}/{index}"))
                continue
            wide = value.reshape((1,) * (len(order) - value.ndim) + value.shape)
            names.append(self._constant(f"{name}/{index}", wide.transpose(back)))
        return names, order

    def _plain(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        names, order = self._common(node["name"], given)
        slope = {"alpha": float(node["attr"]["alpha"]["f"])} if node["op"] == "LeakyRelu" else {}
        return Tensor(self._emit(PLAIN[node["op"]], node["name"], names, **slope), order)

    def _transpose(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        value, permutation = given
        return Tensor(value.name, tuple(value.order[axis] for axis in permutation.tolist()))

    def _conv2d(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        attributes, name = node["attr"], node["name"]
        _expect(attributes, "NHWC", "VALID")
        value, weights = given
        filters = self._constant(f"{name}/filters", weights.transpose(3, 2, 0, 1))
        fields = {key: _numbers(attributes[key])[1:3] for key in ("strides", "dilations")}
        inputs = [self._as(value, TO_FIRST, name), filters]
        # Filters have fewer input channels than the image when it is grouped: no such one is known.
        return Tensor(self._emit("Conv", name, inputs, **fields), TO_LAST)

    def _maxpool(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        attributes, name = node["attr"], node["name"]
        _expect(attributes, "NHWC", "VALID")
        fields = {
            "kernel_shape": _numbers(attributes["ksize"])[1:3],
            "strides": _numbers(attributes["strides"])[1:3],
        }
        inputs = [self._as(given[0], TO_FIRST, name)]
        return Tensor(self._emit("MaxPool", name, inputs, **fields), TO_LAST)

    def _pad(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        name, value, widths = node["name"], given[0], given[1]
        if not widths.any():
            return value
        back = np.argsort(value.order)
        pads = widths[back].T.reshape(-1).astype(np.int64)
        inputs = [value.name, self._constant(f"{name}/pads", pads)]
        if len(given) == 3:
            inputs.append(self._constant(f"{name}/constant", given[2].astype(np.float32)))
        return Tensor(self._emit("Pad", name, inputs), value.order)

    _padv2 = _pad

    def _concatv2(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        *values, axis = given
        names, order = self._common(node["name"], values)
        place = order[int(axis) % len(order)]
        return Tensor(self._emit("Concat", node["name"], names, axis=place), order)

    def _splitv(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        name, (value, sizes, axis) = node["name"], given
        outputs = [name, *(f"{name}:{index}" for index in range(1, len(sizes)))]
        inputs = [value.name, self._constant(f"{name}/sizes", sizes.astype(np.int64))]
        place = value.order[int(axis) % len(value.order)]
        self._nodes.append(helper.make_node("Split", inputs, outputs, name=name, axis=place))
        self._values |= {output: Tensor(output, value.order) for output in outputs}
        return Tensor(name, value.order)

    def _reshape(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        name, (value, shape) = node["name"], given
        source = self._as(value, tuple(range(len(value.order))), name)
        inputs = [source, self._constant(f"{name}/shape", shape.astype(np.int64))]
        return Tensor(self._emit("Reshape", name, inputs), tuple(range(len(shape))))

    def _resizebilinear(self, node: dict[str, Any], given: list[Any]) -> Tensor:
        attributes, name = node["attr"], node["name"]
        if attributes["align_corners"]["b"] or not attributes["half_pixel_centers"]["b"]:
            raise ValueError(f"{name}: only half-pixel centres are known")
        value, size = given
        source = self._as(value, TO_FIRST, name)
        extents = np.array([*self._shape(source)[:2], *size.tolist()], np.int64)
        inputs = [source, "", "", self._constant(f"{name}/sizes", extents)]
        fields = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return Tensor(self._emit("Resize", name, inputs, **fields), TO_LAST)

    def _shape(self, name: str) -> list[int]:
        """Extents of a tensor made so far."""
        copy = helper.make_node("Identity", [name], ["copy"])
        wanted = [onnx.ValueInfoProto(name="copy")]
        nodes = [*self._nodes, copy]
        graph = helper.make_graph(nodes, "part", self._inputs, wanted, self._constants)
        part = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        (value,) = onnx.shape_inference.infer_shapes(part).graph.output
        return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]

    def _output(self, name: str, shape: list[int]) -> onnx.ValueInfoProto:
        value = self._values[name]
        if not isinstance(value, Tensor):
            raise ValueError(f"output {name} is a constant")
        source = self._as(value, tuple(range(len(value.order))), name)
        self._emit("Identity", name, [source])
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _extents(shape: dict[str, Any]) -> list[int]:
    return [int(dimension["size"]) for dimension in shape["dim"]]


def _numbers(attribute: dict[str, Any]) -> list[int]:
    return [int(number) for number in attribute["list"]["i"]]


def _expect(attributes: dict[str, Any], layout: str, padding: str) -> None:
    for key, wanted in (("data_format", layout), ("padding", padding)):
        found = base64.b64decode(attributes[key]["s"]).decode()
        if found != wanted:
            raise ValueError(f"{key} {found}, only {wanted} is known")


def _computed(op: str, given: list[Array]) -> Array:
    """What an operator on constants gives; exporters leave such in shapes."""
    if op in ("Add", "AddV2"):
        return given[0] + given[1]
    if op == "SparseToDense":
        places, shape, values, rest = given
        dense = np.full(tuple(shape.tolist()), rest)
        dense[tuple(places.reshape(-1, len(shape)).T)] = values
        return dense
    if op == "Identity":
        return given[0]
    raise ValueError(f"operator {op} on constants is not known")


def convert(description: Path, weights: Path, out: Path) -> None:
    model = json.loads(description.read_text())
    values = read_weights(model["weightsManifest"], weights.read_bytes())
    onnx.save(Converter(model, values).model(), out)
