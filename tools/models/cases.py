"""The models of docs/models.md: where each comes from and what it is shown."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from PIL import Image

from zoo.pictures import pictures

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/reference"))
from runtime import labelled_files, load  # noqa: E402  (a script folder, not a package)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    calibration: FloatArray  # samples along the first axis
    samples: FloatArray  # none of them in `calibration`


@dataclass(frozen=True)
class Case:
    source: str  # for readers
    file: Callable[[str, Path], Path]  # name, folder -> ONNX file with fixed shapes
    inputs: Callable[[Path], Inputs]  # folder -> what to calibrate with and to run
    classifier: bool = True


def _run(*command: str | Path) -> None:
    subprocess.run([sys.executable, *map(str, command)], check=True, cwd=ROOT / "tools")


def _fetch(name: str, file: str, folder: Path) -> Path:
    _run("fetch/models.py", name, "--out", folder)
    return folder / file


def _zoo_file(name: str, folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    if not path.exists():
        _run("-m", "zoo", name, "-o", path)
    return path


def _fixed_shape(shape: tuple[int, ...]) -> Callable[[str, Path], Path]:
    def file(name: str, folder: Path) -> Path:
        model = onnx.load(_fetch(name, f"{name}.onnx", folder))
        constants = {tensor.name for tensor in model.graph.initializer}
        (data,) = (value for value in model.graph.input if value.name not in constants)
        for dimension, extent in zip(data.type.tensor_type.shape.dim, shape, strict=True):
            dimension.dim_value = extent
        path = folder / f"{name}-fixed.onnx"
        onnx.save(model, path)
        return path

    return file


def _synthetic(size: int) -> Callable[[Path], Inputs]:
    calibration, samples = (50, 20) if size <= 32 else (6, 4)

    def inputs(_: Path) -> Inputs:
        return Inputs(
            pictures(101, calibration, 3, size).astype(np.float32),
            pictures(202, samples, 3, size).astype(np.float32),
        )

    return inputs


def _cifar10(_: Path) -> Inputs:
    def read(folder: str, count: int) -> FloatArray:
        files = labelled_files(ROOT / "tests/data" / folder, count)
        return np.stack(list(load(files, "cifar10")))

    return Inputs(read("cifar10-calibration/train", 100), read("cifar10/test", 100))


def _crops(photo: Path, count: int, seed: int, height: int, width: int) -> FloatArray:
    """Pieces of one photograph at several scales, pixels in [0, 1], channels last."""
    draw = np.random.default_rng(seed)
    crops = []
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
        for _ in range(count):
            scale = draw.uniform(0.4, 1.0)
            fit = min(image.width / width, image.height / height) * scale
            box_w, box_h = round(width * fit), round(height * fit)
            left = int(draw.integers(0, image.width - box_w + 1))
            top = int(draw.integers(0, image.height - box_h + 1))
            box = (left, top, left + box_w, top + box_h)
            crops.append(np.asarray(image.resize((width, height), box=box), np.float32) / 255)
    return np.stack(crops)


def _faces(folder: Path) -> Inputs:
    photo = _fetch("photo-astronaut", "astronaut.png", folder)
    return Inputs(_crops(photo, 16, 1, 128, 128) * 2 - 1, _crops(photo, 8, 2, 128, 128) * 2 - 1)


def _text(height: int, width: int) -> Callable[[Path], Inputs]:
    def inputs(folder: Path) -> Inputs:
        photo = _fetch("photo-page", "page.png", folder)

        def read(count: int, seed: int) -> FloatArray:
            crops = _crops(photo, count, seed, height, width) * 2 - 1
            return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))

        return Inputs(read(12, 1), read(6, 2))

    return inputs


def _zoo(size: int, classifier: bool = True) -> Case:
    return Case("zoo", _zoo_file, _synthetic(size), classifier)


def _trained_resnet44(_: str, __: Path) -> Path:
    return ROOT / "tests/data/resnet44-cifar10.onnx"


CASES: dict[str, Case] = {
    "resnet44-cifar10": Case("trained, tests/data", _trained_resnet44, _cifar10),
    "blazeface-128": Case("trained, fetched", _fixed_shape((1, 128, 128, 3)), _faces, False),
    "ppocr-det": Case("trained, fetched", _fixed_shape((1, 3, 224, 224)), _text(224, 224), False),
    "ppocr-cls": Case("trained, fetched", _fixed_shape((1, 3, 48, 192)), _text(48, 192)),
    "resnet44-cifar": _zoo(32),
    "minivgg": _zoo(32),
    "mobilenet-v1": _zoo(224),
    "mobilenet-v2": _zoo(224),
    "resnet50": _zoo(224),
    "alexnet": _zoo(224),
    "resnet404-cifar": _zoo(32),
    "densenet121": _zoo(224),
    "yolov4-tiny": _zoo(416, classifier=False),
    "vgg16": _zoo(224),
    "resnet152": _zoo(224),
    "vgg19": _zoo(224),
}
