"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): ten kinds of clothes, 28x28 grey, as vectors."""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tasks.fetched import fetched
from tasks.task import Samples, Task

CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
MEAN, DEVIATION = 0.2860, 0.3530
FILES = {"train": "train", "test": "t10k"}
IDX_BYTES = 8  # the type of elements of the only files there are: unsigned bytes


def read_idx(packed: bytes) -> npt.NDArray[np.uint8]:
    """An array of bytes as the MNIST files hold them: 0, 0, type, rank, big-endian extents."""
    content = gzip.decompress(packed)
    if content[:3] != bytes((0, 0, IDX_BYTES)):
        raise ValueError("not an IDX file of bytes")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4).astype(np.int64)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(part: str, folder: Path) -> Samples:
    name = FILES[part]
    images = read_idx(fetched(f"fashion-{name}-images", folder).read_bytes())
    labels = read_idx(fetched(f"fashion-{name}-labels", folder).read_bytes())
    pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    inputs = (pixels - np.float32(MEAN)) / np.float32(DEVIATION)
    return Samples(inputs, labels.astype(np.int64))


CLOTHES = Task(CLASSES, (784,), load)
