"""The runtime that our outputs are compared with: ONNX Runtime, or LiteRT for TFLite files."""

import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from runtime import session  # noqa: E402  (a script folder, not a package)

Array = npt.NDArray[Any]


class Peer(Protocol):
    def inputs(self) -> dict[str, list[int | None]]:
        """Shapes by name; None where the model leaves an extent open."""

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        """All outputs, in the order of the file."""


class _OnnxRuntime:
    def __init__(self, model: Path, threads: int) -> None:
        self._session = session(model, threads)

    def inputs(self) -> dict[str, list[int | None]]:
        return {
            value.name: [extent if isinstance(extent, int) else None for extent in value.shape]
            for value in self._session.get_inputs()
        }

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        return list(self._session.run(None, feeds))


class _LiteRt:
    def __init__(self, model: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._runtime = Interpreter(model_path=str(model), num_threads=threads)
        self._runtime.allocate_tensors()

    def inputs(self) -> dict[str, list[int | None]]:
        return {
            detail["name"]: [None if e < 0 else int(e) for e in detail["shape_signature"]]
            for detail in self._runtime.get_input_details()
        }

    def run(self, feeds: dict[str, Array]) -> list[Array]:
        for detail in self._runtime.get_input_details():
            self._runtime.set_tensor(detail["index"], np.ascontiguousarray(feeds[detail["name"]]))
        self._runtime.invoke()
        return [
            self._runtime.get_tensor(detail["index"])
            for detail in self._runtime.get_output_details()
        ]


def open_peer(model: Path, threads: int) -> Peer:
    return (_LiteRt if model.suffix == ".tflite" else _OnnxRuntime)(model, threads)
