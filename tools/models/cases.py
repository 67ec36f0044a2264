"""The models of docs/models.md: where each comes from and what it is shown."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from PIL import Image

import detect
import objects
import speech
import text
import tfjs
import wake
from augment import views, whole
from zoo.draw import BELL_SIGMA, Draw
from zoo.pictures import pictures

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/reference"))
from runtime import labelled_files, load, session  # noqa: E402  (a script folder, not a package)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    calibration: FloatArray  # samples along the first axis
    samples: FloatArray  # none of them in `calibration`


@dataclass(frozen=True)
class Case:
    source: str  # for readers
    file: Callable[[str, Path], Path]  # name, folder -> model file with fixed shapes
    inputs: Callable[[Path], Inputs]  # folder -> what to calibrate with and to run
    classifier: bool = True
    faces: bool = False  # BlazeFace's outputs, which tools/models/faces.py decodes
    # Further figures of our outputs beside the peer's, one row per sample.
    judge: Callable[[list[FloatArray], list[FloatArray], Path], dict[str, float]] | None = None
    # Inputs that are whole numbers and constants of the protected model (`--fix-input`).
    fixed: dict[str, int] = field(default_factory=dict)
    # Of inputs that the file leaves open.
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


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


def _synthetic(size: int, calibration: int) -> Callable[[Path], Inputs]:
    samples = 20 if size <= 32 else 4

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


def _photo(path: Path) -> FloatArray:
    """Pixels in [0, 1], channels last."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32) / np.float32(255)


def _faces(folder: Path) -> Inputs:
    photo = _photo(_fetch("photo-astronaut", "astronaut.png", folder))
    samples = np.concatenate([whole(photo, 128, 128)[None], views(photo, 31, 2, 128, 128)])
    return Inputs(views(photo, 96, 1, 128, 128) * 2 - 1, samples * 2 - 1)


def _text(height: int, width: int) -> Callable[[Path], Inputs]:
    def inputs(folder: Path) -> Inputs:
        photo = _photo(_fetch("photo-page", "page.png", folder))

        def read(count: int, seed: int) -> FloatArray:
            crops = views(photo, count, seed, height, width, mirror=False) * 2 - 1
            return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))

        return Inputs(read(64, 1), read(6, 2))

    return inputs


def _lines(folder: Path) -> Inputs:
    photo = _photo(_fetch("photo-page", "page.png", folder))
    crops = views(photo, 48, 1, text.HEIGHT, text.WIDTH, mirror=False) * 2 - 1
    calibration = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
    return Inputs(calibration, text.line_pictures(photo))


def _judge_lines(
    ours: list[FloatArray], theirs: list[FloatArray], folder: Path
) -> dict[str, float]:
    keys = text.read_keys(_fetch("ppocr-keys", "ppocr-keys.txt", folder))
    return text.judge(ours, theirs, keys)


def _speech(folder: Path) -> Inputs:
    runtime = session(_fetch("silero-vad", "silero-vad.onnx", folder), 1)

    def run(sound: FloatArray, state: FloatArray) -> FloatArray:
        rate = np.array(speech.RATE)
        feeds = {"input": sound[None], "state": state.reshape(2, 1, -1), "sr": rate}
        made: FloatArray = runtime.run(None, feeds)[1]
        return made.ravel()

    calibration = [speech.samples(run, skip, gain) for skip, gain in ((200, 1.2), (350, 0.6))]
    return Inputs(np.concatenate(calibration), speech.samples(run, 0, 1.0))


def _wake_word(
    hear: Callable[[wake.Ears, FloatArray], FloatArray], every: int
) -> Callable[[Path], Inputs]:
    """What a network hears of each sound, at every so many-th moment."""

    def inputs(folder: Path) -> Inputs:
        for name in ("wakeword-mel", "wakeword-embedding"):
            _fetch(name, f"{name}.onnx", folder)
        ears = wake.load(folder)
        calibration, samples = (
            np.concatenate([hear(ears, sound)[::every] for sound in wake.sounds(voices)])
            for voices in (wake.CALIBRATION_VOICES, wake.SAMPLE_VOICES)
        )
        return Inputs(calibration, samples)

    return inputs


def _grey(_: Path) -> Inputs:
    return Inputs(
        pictures(101, 50, 1, 80).astype(np.float32), pictures(202, 20, 1, 80).astype(np.float32)
    )


def _noise(calibration: int, samples: int, *shape: int) -> Callable[[Path], Inputs]:
    """Bell-shaped numbers, which the sequence networks of the zoo are made for."""

    def inputs(_: Path) -> Inputs:
        draw = Draw(1, "inputs").bell((calibration + samples, *shape)) / BELL_SIGMA
        values = draw.astype(np.float32)
        return Inputs(values[:calibration], values[calibration:])

    return inputs


def _zoo(size: int, calibration: int = 12, classifier: bool = True) -> Case:
    return Case("zoo", _zoo_file, _synthetic(size, calibration), classifier)


def _tflite_file(name: str, folder: Path) -> Path:
    return _fetch(name, f"{name}.tflite", folder)


def _cascade(size: int) -> Callable[[Path], Inputs]:
    def inputs(folder: Path) -> Inputs:
        photo = _photo(_fetch("photo-astronaut", "astronaut.png", folder))
        labelled = np.load(_fetch("labelled-faces", "lfw_subset.npy", folder))
        return Inputs(objects.face_calibration(photo, size), objects.face_pictures(labelled, size))

    return inputs


def _things(size: int, low: float) -> Callable[[Path], Inputs]:
    """Pieces of three photographs with pixels in [low, 1]."""

    def inputs(folder: Path) -> Inputs:
        names = {"astronaut": "astronaut", "cat": "chelsea", "coffee": "coffee"}
        photos = [
            _photo(_fetch(f"photo-{name}", f"{file}.png", folder)) for name, file in names.items()
        ]

        def pieces(count: int, seed: int) -> FloatArray:
            crops = [views(photo, count, seed, size, size) for photo in photos]
            return np.concatenate(crops) * np.float32(1 - low) + np.float32(low)

        return Inputs(pieces(16, 1), pieces(8, 2))

    return inputs


def _thing() -> Case:
    return Case(
        "trained, fetched",
        _tflite_file,
        _things(224, 0),
        False,
        judge=lambda ours, theirs, _: objects.judge_thing(ours, theirs),
    )


def _nanodet_file(name: str, folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    parts = [_fetch(f"{name}-{kind}", f"{name}.{kind}", folder) for kind in ("json", "bin")]
    tfjs.convert(*parts, path)
    return path


def _darknet(folder: Path) -> Inputs:
    names = ("dog", "eagle", "giraffe", "horses", "kite", "person")
    photos = [_photo(_fetch(f"photo-{name}", f"{name}.jpg", folder)) for name in names]
    return Inputs(detect.calibration(photos), detect.samples(photos))


def _trained_resnet44(_: str, __: Path) -> Path:
    return ROOT / "tests/data/resnet44-cifar10.onnx"


CASES: dict[str, Case] = {
    "resnet44-cifar10": Case("trained, tests/data", _trained_resnet44, _cifar10),
    "blazeface-128": Case("trained, fetched", _fixed_shape((1, 128, 128, 3)), _faces, False, True),
    "ppocr-det": Case("trained, fetched", _fixed_shape((1, 3, 224, 224)), _text(224, 224), False),
    "ppocr-cls": Case("trained, fetched", _fixed_shape((1, 3, 48, 192)), _text(48, 192)),
    "ppocr-rec": Case(
        "trained, fetched",
        _fixed_shape((1, 3, text.HEIGHT, text.WIDTH)),
        _lines,
        False,
        judge=_judge_lines,
    ),
    "silero-vad": Case(
        "trained, fetched",
        lambda name, folder: _fetch(name, f"{name}.onnx", folder),
        _speech,
        False,
        judge=lambda ours, theirs, _: speech.judge(ours, theirs),
        fixed={"sr": speech.RATE},
        shapes={
            "input": (1, speech.CONTEXT + speech.PIECE),
            "state": (2, 1, speech.STATE // 2),
        },
    ),
    "wakeword-embedding": Case(
        "trained, fetched", _fixed_shape((1, 76, 32, 1)), _wake_word(wake.Ears.windows, 8), False
    ),
    "wakeword-rhasspy": Case(
        "trained, fetched",
        _fixed_shape((1, 16, 96)),
        _wake_word(wake.Ears.embeddings, 1),
        False,
        judge=lambda ours, theirs, _: wake.judge(ours, theirs),
    ),
    "rnet": Case(
        "trained, fetched",
        _tflite_file,
        _cascade(24),
        judge=lambda ours, theirs, _: objects.judge_faces(ours, theirs),
    ),
    "onet": Case(
        "trained, fetched",
        _tflite_file,
        _cascade(48),
        judge=lambda ours, theirs, _: objects.judge_faces(ours, theirs),
    ),
    "ssd-mobilenet-v2": Case(
        "trained, fetched",
        _tflite_file,
        _things(300, -1),
        False,
        judge=lambda ours, theirs, _: objects.judge_objects(ours, theirs),
    ),
    "objectron-camera": _thing(),
    "objectron-chair": _thing(),
    "objectron-cup": _thing(),
    "objectron-sneakers": _thing(),
    "nanodet": Case(
        "trained, fetched",
        _nanodet_file,
        _darknet,
        False,
        judge=lambda ours, theirs, _: detect.judge(ours, theirs),
    ),
    "mlp": Case("zoo", _zoo_file, _grey, True),
    "lstm": Case("zoo", _zoo_file, _noise(32, 8, 32 * 128), True),
    "transformer": Case("zoo", _zoo_file, _noise(2, 2, (32 + 20) * 1024), False),
    "transformer-small": Case("zoo", _zoo_file, _noise(32, 8, (32 + 20) * 128), False),
    "resnet44-cifar": _zoo(32, 50),
    "minivgg": _zoo(32, 50),
    "mobilenet-v1": _zoo(224, 64),
    "mobilenet-v2": _zoo(224, 64),
    "resnet50": _zoo(224),
    "alexnet": _zoo(224),
    "resnet404-cifar": _zoo(32, 50),
    "densenet121": _zoo(224),
    "yolov4-tiny": _zoo(416, classifier=False),
    "vgg16": _zoo(224),
    "resnet152": _zoo(224),
    "vgg19": _zoo(224),
}
