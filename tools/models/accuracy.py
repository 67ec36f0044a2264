#!/usr/bin/env python3
"""Accuracy of the trained ResNet-44 on the 10,000 test pictures of CIFAR-10, protected and not.

accuracy.py --build DIR --data DIR [--work DIR]

--data holds cifar10-test.zip with the pictures as test/CLASS/NNNN.jpg. ONNX Runtime in float32 and the
protected models see the very same numbers. Leaves its figures in the work folder, from where table.py
takes them into docs/models.md.
"""

import argparse
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from table import ROOT, enter_venv

PRESETS = ("shadownet", "enclave")
RESULT = "cifar10-accuracy.json"
MODEL = ROOT / "tests/data/resnet44-cifar10.onnx"
CALIBRATION = ROOT / "tests/data/cifar10-calibration/train"
CLASS_COUNT = 10


def unpack(archive: Path, folder: Path) -> Path:
    """The pictures of the archive below `folder`; the folder of the classes."""
    with zipfile.ZipFile(archive) as pictures:
        names = [name for name in pictures.namelist() if name.endswith(".jpg")]
        if not names:
            raise ValueError(f"no pictures in {archive}")
        pictures.extractall(folder, names)
    return folder / "test"


def read(folder: Path) -> tuple[Any, Any]:
    """Inputs and labels."""
    import numpy as np
    from cases import labelled_files, load

    files = labelled_files(folder, None)
    labels = np.array([label for _, label in files])
    if len(set(labels.tolist())) != CLASS_COUNT:
        raise ValueError(f"{folder} has not {CLASS_COUNT} classes")
    return np.stack(list(load(files, "cifar10"))), labels


def float_scores(inputs: Any) -> Any:
    import numpy as np
    from runtime import session

    runtime = session(MODEL, 2)
    name = runtime.get_inputs()[0].name
    return np.concatenate([runtime.run(None, {name: sample[None]})[0] for sample in inputs])


def protected_scores(program: Path, preset: str, inputs: Path, work: Path) -> tuple[Any, float]:
    """Scores of every input, and milliseconds an inference took."""
    import numpy as np

    bundle, outputs = work / f"resnet44-{preset}.penumbra", work / f"scores-{preset}.npy"
    environment = {"XDG_CONFIG_HOME": str(work / "config"), "HOME": str(work)}
    protect = ["protect", MODEL, "-o", bundle, "--preset", preset, "--preprocess", "cifar10"]
    protect += ["--calibration", CALIBRATION, "--quiet"]
    run = ["run", bundle, "--input", inputs, "--output", outputs, "--threads", "2", "--json"]
    for command in (protect, run):
        done = subprocess.run(
            [program, *map(str, command)], check=False, capture_output=True, text=True, env=environment
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
    document = json.loads(done.stdout)
    return np.load(outputs), document["stats"]["total_ns"] / document["samples"] / 1e6


def measure(build: Path, data: Path, work: Path) -> dict[str, Any]:
    import numpy as np

    inputs, labels = read(unpack(data / "cifar10-test.zip", work / "cifar10"))
    file = work / "cifar10-inputs.npy"
    np.save(file, inputs)
    expected = float_scores(inputs)
    top = expected.argmax(1)
    figures: dict[str, Any] = {"pictures": len(labels), "float": float(np.mean(top == labels))}
    for preset in PRESETS:
        scores, milliseconds = protected_scores(build / "bin/penumbra", preset, file, work)
        if scores.shape != expected.shape:
            raise ValueError(f"{preset}: scores of shape {scores.shape}, expected {expected.shape}")
        noise = np.mean((scores - expected) ** 2)
        figures[preset] = {
            "accuracy": float(np.mean(scores.argmax(1) == labels)),
            "agreement": float(np.mean(scores.argmax(1) == top)),
            "noise_db": float(10 * np.log10(np.mean(expected**2) / noise)),
            "milliseconds": milliseconds,
        }
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, metavar="DIR")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--work", type=Path, metavar="DIR", help="default: BUILD/models")
    options = parser.parse_args()
    work = (options.work or options.build / "models").resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        figures = measure(options.build.resolve(), options.data, work)
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        print(f"accuracy.py: {error}", file=sys.stderr)
        return 1
    (work / RESULT).write_text(json.dumps(figures))
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    enter_venv()
    sys.exit(main())
