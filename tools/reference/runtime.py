"""What the reference scripts share: ONNX Runtime sessions, labelled pictures, preprocessing."""

from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image

FloatImage = npt.NDArray[np.float32]

# Per-channel mean and standard deviation of pixels in [0, 1], in RGB order.
CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def session(model: Path, threads: int) -> ort.InferenceSession:
    if not model.is_file():  # ONNX Runtime raises a type of its own, which callers need not know
        raise FileNotFoundError(f"no model {model}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _normalised(
    image: Image.Image, statistics: tuple[tuple[float, ...], tuple[float, ...]]
) -> FloatImage:
    mean, deviation = (np.array(values, dtype=np.float32) for values in statistics)
    pixels = np.asarray(image, dtype=np.float32) / np.float32(255.0)
    return np.ascontiguousarray(((pixels - mean) / deviation).transpose(2, 0, 1))


def cifar10(image: Image.Image) -> FloatImage:
    if image.size != (32, 32):
        raise ValueError(f"a CIFAR-10 picture is 32x32, not {image.size[0]}x{image.size[1]}")
    return _normalised(image, CIFAR10)


def imagenet(image: Image.Image) -> FloatImage:
    """Shorter side to 256, centre 224x224."""
    scale = 256 / min(image.size)
    resized = image.resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
    )
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    return _normalised(resized.crop((left, top, left + 224, top + 224)), IMAGENET)


PREPROCESS = {"cifar10": cifar10, "imagenet": imagenet}


def labelled_files(folder: Path, limit: int | None) -> list[tuple[Path, int]]:
    """Files of the class subfolders, labels in alphabetical order of the folders' names.

    Classes take turns, so that a limit leaves the set balanced.
    """
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    columns = [
        [(file, label) for file in sorted(entry.iterdir()) if file.is_file()]
        for label, entry in enumerate(classes)
    ]
    rounds = chain.from_iterable(zip_longest(*columns))
    files = [item for item in rounds if item is not None][:limit]
    if not files:
        raise ValueError(f"no class subfolders with pictures in {folder}")
    return files


def load(files: list[tuple[Path, int]], preprocess: str) -> Iterator[FloatImage]:
    for path, _ in files:
        with Image.open(path) as image:
            yield PREPROCESS[preprocess](image.convert("RGB"))
