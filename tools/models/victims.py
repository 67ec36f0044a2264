"""The trained networks of docs/results/accuracy.md: model file, calibration samples, labelled test samples."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cases import ROOT, labelled_files, load
from tasks.clothes import CLOTHES
from tasks.commands import COMMANDS
from tasks.languages import LANGUAGES
from tasks.task import Samples, Task, drawn

CALIBRATION = 100  # training samples
SEED = 1


@dataclass(frozen=True)
class Victim:
    text: str  # for readers
    file: Callable[[Path | None], Path | None]  # folder of --data -> model; None: it is not there
    calibration: Callable[[Path], np.ndarray]  # folder for what is fetched -> samples
    test: Callable[[Path, Path | None], Samples]  # the same, and --data


def _checked_in(name: str) -> Callable[[Path | None], Path]:
    return lambda _: ROOT / "tests/data" / f"{name}.onnx"


def _given(name: str) -> Callable[[Path | None], Path | None]:
    def file(data: Path | None) -> Path | None:
        path = data / f"{name}.onnx" if data else None
        return path if path and path.exists() else None

    return file


def _pictures(folder: Path) -> Samples:
    files = labelled_files(folder, None)
    labels = np.array([label for _, label in files])
    return Samples(np.stack(list(load(files, "cifar10"))), labels)


def _cifar10(work: Path, data: Path | None) -> Samples:
    """The test set of the archive, or the pictures that are checked in."""
    archive = data / "cifar10-test.zip" if data else None
    if not archive or not archive.exists():
        return _pictures(ROOT / "tests/data/cifar10/test")
    with zipfile.ZipFile(archive) as pictures:
        names = [name for name in pictures.namelist() if name.endswith(".jpg")]
        if not names:
            raise ValueError(f"no pictures in {archive}")
        pictures.extractall(work / "cifar10", names)
    return _pictures(work / "cifar10/test")


def _cifar10_calibration(_: Path) -> np.ndarray:
    return _pictures(ROOT / "tests/data/cifar10-calibration/train").inputs


def _task(text: str, file: str, task: Task) -> Victim:
    return Victim(
        text,
        _checked_in(file),
        lambda work: drawn(task.load("train", work), CALIBRATION, SEED).inputs,
        lambda work, _: task.load("test", work),
    )


VICTIMS: dict[str, Victim] = {
    "resnet44-cifar10": Victim(
        "ResNet-44, CIFAR-10", _checked_in("resnet44-cifar10"), _cifar10_calibration, _cifar10
    ),
    "minivgg-cifar10": Victim(
        "MiniVGG, CIFAR-10", _given("minivgg-cifar10"), _cifar10_calibration, _cifar10
    ),
    "mlp": _task("MLP, Fashion-MNIST", "victims/mlp", CLOTHES),
    "lstm": _task("LSTM, spoken commands in noise", "victims/lstm", COMMANDS),
    "transformer": _task("Transformer, the language of a word", "victims/transformer", LANGUAGES),
}
