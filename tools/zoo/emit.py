"""A thin writer of ONNX graphs: nodes, initialisers, inputs and outputs, in order of addition."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

OPSET = 13
IR_VERSION = 7  # the one that came with opset 13, so that old readers accept the file


class Graph:
    def __init__(self, name: str) -> None:
        self._model = helper.make_model(
            helper.make_graph([], name, [], []),
            producer_name="penumbra zoo",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        self._names: set[str] = set()

    def _claim(self, name: str) -> str:
        if name in self._names:
            raise ValueError(f"tensor or node {name} defined twice")
        self._names.add(name)
        return name

    def node(self, op: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds a node with one output, named like the node; returns that name."""
        made = helper.make_node(op, inputs, [self._claim(name)], name, **attributes)
        self._model.graph.node.append(made)
        return name

    def nodes(
        self, op: str, name: str, inputs: Sequence[str], count: int, **attributes: Any
    ) -> list[str]:
        """Adds a node with `count` outputs, named like the node with numbers behind."""
        outputs = [self._claim(f"{name}.{i}") for i in range(count)]
        made = helper.make_node(op, inputs, outputs, name, **attributes)
        self._model.graph.node.append(made)
        return outputs

    def split_tail(self, name: str, source: str, sizes: Sequence[int]) -> str:
        """Splits the channels in two and returns the name of the second part."""
        head, tail = self._claim(f"{name}.0"), self._claim(f"{name}.1")
        lengths = self.constant(f"{name}.sizes", np.array(sizes, dtype=np.int64))
        made = helper.make_node("Split", [source, lengths], [head, tail], name, axis=1)
        self._model.graph.node.append(made)
        return tail

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        tensor = self._model.graph.initializer.add()
        tensor.name = self._claim(name)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor.dims.extend(values.shape)
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        tensor.raw_data = little.tobytes()
        return name

    def input(self, name: str, shape: Sequence[int | str]) -> str:
        info = helper.make_tensor_value_info(self._claim(name), TensorProto.FLOAT, shape)
        self._model.graph.input.append(info)
        return name

    def output(self, name: str, source: str, shape: Sequence[int | str]) -> None:
        """Names the tensor `source` as a graph output called `name`."""
        for node in self._model.graph.node:
            node.output[:] = [name if o == source else o for o in node.output]
            node.input[:] = [name if i == source else i for i in node.input]
        info = helper.make_tensor_value_info(self._claim(name), TensorProto.FLOAT, shape)
        self._model.graph.output.append(info)

    def save(self, path: Path) -> None:
        path.write_bytes(self._model.SerializeToString(deterministic=True))
