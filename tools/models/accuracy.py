#!/usr/bin/env python3
"""Accuracy of trained networks, protected and not, and how consistent both are: docs/results/accuracy.md.

accuracy.py --build DIR [--data DIR] [--networks NAME...] [--presets NAME...] [--samples N] [--work DIR] [--out FILE]

ONNX Runtime in float32 and the protected models see the very same numbers. --data holds cifar10-test.zip
with pictures as test/CLASS/NNNN.jpg, and minivgg-cifar10.onnx; without it ResNet-44 sees the 300 pictures
that are checked in and MiniVGG is left out. Every pair of network and preset leaves its figures in the
work folder and is not measured again while they are there.
"""

import argparse
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from table import ROOT, enter_venv

# What protect is told; rows of the table.
PRESETS: dict[str, list[str]] = {
    "enclave": ["--preset", "enclave"],
    "slalom": ["--preset", "slalom"],
    "shadownet": ["--preset", "shadownet"],
    "groupcover": ["--preset", "groupcover"],
    "shadownet, prime": [
        "--preset", "shadownet", "--arithmetic", "prime", "--allow-unproved-bound",
    ],  # fmt: skip
    "plain": ["--preset", "plain"],
    "mlcapsule": ["--preset", "mlcapsule"],
    "darknetz": ["--preset", "darknetz"],
    "serdab": ["--preset", "serdab"],
    "magnitude": ["--preset", "magnitude"],
    "securenets": ["--preset", "securenets"],
    "soter": ["--preset", "soter"],
}
SAMPLES = 1000
SEED = 2


def float_scores(model: Path, inputs: Any) -> Any:
    import numpy as np
    from runtime import session

    runtime = session(model, 2)
    name = runtime.get_inputs()[0].name
    return np.concatenate([runtime.run(None, {name: sample[None]})[0] for sample in inputs])


def run(command: list[Any], work: Path) -> str:
    environment = {"XDG_CONFIG_HOME": str(work / "config"), "HOME": str(work)}
    done = subprocess.run(
        list(map(str, command)), check=False, capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def protected_scores(program: Path, model: Path, options: list[str], files: Path, work: Path) -> Any:
    """files holds calibration/ and inputs.npy."""
    import numpy as np

    bundle, outputs = files / "model.penumbra", files / "scores.npy"
    protect = ["protect", model, "-o", bundle, *options, "--calibration", files / "calibration"]
    run([program, *protect, "--quiet"], work)
    inputs = ["--input", files / "inputs.npy", "--output", outputs]
    run([program, "run", bundle, *inputs, "--threads", "2"], work)
    bundle.unlink()
    return np.load(outputs)


def confidence(scores: Any) -> Any:
    """Probability of the class that wins, of every sample."""
    import numpy as np

    weights = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return 1 / weights.sum(1)


def compare(scores: Any, expected: Any, labels: Any) -> dict[str, Any]:
    import numpy as np

    if scores.shape != expected.shape:
        raise ValueError(f"scores of shape {scores.shape}, expected {expected.shape}")
    top = expected.argmax(1)
    right, same = top == labels, scores.argmax(1) == top
    sure, flipped = confidence(expected), confidence(expected)[~same]
    noise = np.mean((scores.astype(np.float64) - expected) ** 2)
    signal = np.mean(expected.astype(np.float64) ** 2)
    return {
        "samples": len(labels),
        "original": int(right.sum()),
        "protected": int((scores.argmax(1) == labels).sum()),
        "same": int(same.sum()),
        "same_right": int(same[right].sum()),
        "same_wrong": int(same[~right].sum()),
        "sure_right": float(sure[right].mean()),
        "sure_wrong": float(sure[~right].mean()) if not right.all() else 0.0,
        "sure_flipped": float(flipped.max()) if len(flipped) else None,
        "confidence_shift": float(np.abs(confidence(scores) - sure).mean()),
        "noise_db": float(10 * np.log10(signal / noise)) if noise > 0 else None,
    }


def prepare(name: str, samples: int, data: Path | None, work: Path) -> tuple[Path, Any, Any] | None:
    """Writes the samples; the model, its own scores and the labels. None: the network is not there."""
    import numpy as np
    from tasks.task import drawn
    from victims import VICTIMS

    victim = VICTIMS[name]
    model = victim.file(data)
    if model is None:
        return None
    test = victim.test(work, data)
    test = drawn(test, min(samples, len(test.labels)), SEED)
    folder = work / f"accuracy-{name}"
    (folder / "calibration").mkdir(parents=True, exist_ok=True)
    for index, sample in enumerate(victim.calibration(work)):
        np.save(folder / "calibration" / f"{index:04}.npy", sample[None])
    np.save(folder / "inputs.npy", test.inputs)
    return model, float_scores(model, test.inputs), test.labels


def result_file(work: Path, name: str, preset: str) -> Path:
    return work / f"accuracy-{name}.{preset.replace(', ', '-')}.json"


def measure(options: argparse.Namespace, work: Path) -> bool:
    """Whether everything could be measured."""
    program, complete = options.build.resolve() / "bin/penumbra", True
    for name in options.networks:
        wanted = [p for p in options.presets if not result_file(work, name, p).exists()]
        prepared = prepare(name, options.samples, options.data, work) if wanted else None
        for preset in wanted if prepared else []:
            model, expected, labels = prepared
            files = work / f"accuracy-{name}"
            try:
                scores = protected_scores(program, model, PRESETS[preset], files, work)
                figures = compare(scores, expected, labels)
            except (RuntimeError, ValueError) as error:
                print(f"{name} {preset}: {error}", file=sys.stderr)
                complete = False
                continue
            result_file(work, name, preset).write_text(json.dumps(figures))
            print(name, preset, json.dumps(figures), file=sys.stderr, flush=True)
    return complete


def main() -> int:
    from accuracy_text import document
    from victims import VICTIMS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--networks", nargs="+", choices=VICTIMS, default=list(VICTIMS), metavar="NAME")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS), metavar="NAME")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each network; default: 1000")
    parser.add_argument("--work", type=Path, metavar="DIR", help="default: BUILD/models")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results/accuracy.md", metavar="FILE")
    options = parser.parse_args()
    work = (options.work or options.build / "models").resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        complete = measure(options, work)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"accuracy.py: {error}", file=sys.stderr)
        return 1
    results = {
        (name, preset): json.loads(result_file(work, name, preset).read_text())
        for name in VICTIMS
        for preset in PRESETS
        if result_file(work, name, preset).exists()
    }
    text = document(results, PRESETS, {name: victim.text for name, victim in VICTIMS.items()})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(text)
    return 0 if complete else 1


if __name__ == "__main__":
    enter_venv()
    sys.exit(main())
