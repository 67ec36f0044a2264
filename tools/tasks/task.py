"""What every task gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PARTS = ("train", "test")


@dataclass(frozen=True)
class Samples:
    inputs: npt.NDArray[np.float32]  # samples along the first axis
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    classes: tuple[str, ...]
    shape: tuple[int, ...]  # of one sample
    # Part (one of PARTS), folder for what is fetched or made -> its samples, always the same ones.
    load: Callable[[str, Path], Samples]


def drawn(samples: Samples, count: int, seed: int) -> Samples:
    """So many of the samples, in a seeded order."""
    if count > len(samples.labels):
        raise ValueError(f"{count} samples wanted of {len(samples.labels)}")
    order: npt.NDArray[Any] = np.random.default_rng(seed).permutation(len(samples.labels))[:count]
    return Samples(samples.inputs[order], samples.labels[order])
