#!/usr/bin/env python3
"""Protects real architectures, compares them with an ordinary runtime and writes docs/models.md.

table.py --build DIR [--models NAME...] [--presets NAME...] [--work DIR] [--out FILE]

Needs the targets exact_run and penumbra-enclave of the build. Every pair of model and preset leaves
its figures in the work folder and is not measured again while they are there. Rows of FILE that were
not measured stay as they are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from checkout_venv import enter_venv  # noqa: E402
from merge import merged  # noqa: E402
from tflite_text import tflite_text  # noqa: E402

PRESETS = ("shadownet", "enclave", "mlcapsule")  # measured unless others are asked for
FLOAT_PRESETS = ("mlcapsule", "soter", "soter:fingerprints", "securenets", "magnitude")
KNOWN_PRESETS = ("shadownet", "groupcover", "slalom", "enclave", *FLOAT_PRESETS)
SECURE_MEMORY_LIMIT = 12 << 20
Results = dict[tuple[str, str], dict[str, Any]]  # figures by model and preset


def reference(model: Path, samples: Any, case: Any) -> list[Any]:
    """Outputs of the peer: one array per output, samples along the first axis."""
    import numpy as np
    from peer import open_peer

    runtime = open_peer(model, 2)
    shapes = input_shapes(runtime, case)
    ends = np.cumsum([np.prod(shape) for shape in shapes.values()])

    def feeds(sample: Any) -> dict[str, Any]:
        parts = np.split(sample.ravel(), ends[:-1])
        named = zip(shapes.items(), parts, strict=True)
        given = {name: part.reshape(shape) for (name, shape), part in named}
        return given | {name: np.array(number) for name, number in case.fixed.items()}

    runs = [runtime.run(feeds(sample)) for sample in samples]
    return [np.stack([run[i].ravel() for run in runs]) for i in range(len(runs[0]))]


def input_shapes(runtime: Any, case: Any) -> dict[str, list[int]]:
    """Shapes by name of the inputs that vary; an open dimension is that of the batch."""
    return {
        name: list(case.shapes.get(name) or [1 if extent is None else extent for extent in shape])
        for name, shape in runtime.inputs().items()
        if name not in case.fixed
    }


def shape_text(model: Path, case: Any) -> str:
    """Extents of the inputs without a batch of one in front."""
    from peer import open_peer

    shapes = input_shapes(open_peer(model, 2), case).values()
    return " + ".join("x".join(map(str, s[1:] if s[0] == 1 else s)) for s in shapes)


def same_faces(ours: list[Any], theirs: list[Any]) -> dict[str, float]:
    from faces import decode, largest_shift

    found, same, shift = 0, 0, 0.0
    for sample in range(len(theirs[0])):
        expected = decode([output[sample] for output in theirs])
        distance = largest_shift(decode([output[sample] for output in ours]), expected)
        found += len(expected)
        if distance < float("inf"):
            same += len(expected)
            shift = max(shift, distance)
    return {"faces": found, "same_faces": same, "face_shift": shift}


def compare(ours: Any, theirs: list[Any], case: Any, work: Path) -> dict[str, float]:
    import numpy as np

    ends = np.cumsum([output.shape[1] for output in theirs])
    if ends[-1] != ours.shape[1]:
        raise ValueError(f"{ours.shape[1]} output elements, the peer gives {ends[-1]}")
    split = np.split(ours, ends[:-1], axis=1)
    errors = [
        float(np.abs(a - b).max() / (b.max() - b.min())) for a, b in zip(split, theirs, strict=True)
    ]
    rms = [
        float(np.sqrt(np.mean((a - b) ** 2)) / (b.max() - b.min()))
        for a, b in zip(split, theirs, strict=True)
    ]
    figures = {"max_relative_error": max(errors), "rms_relative_error": max(rms)}
    if case.faces:
        figures |= same_faces(split, theirs)
    if case.judge is not None:
        figures |= case.judge(split, theirs, work)
    if case.classifier:
        figures["top1"] = float(np.mean(split[0].argmax(1) == theirs[0].argmax(1)))
    return figures


def measure(build: Path, work: Path, name: str, preset: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        return measure_in(Path(scratch), build, work, name, preset)


def measure_in(
    scratch: Path, build: Path, work: Path, name: str, preset: str
) -> dict[str, Any]:
    import numpy as np
    from cases import CASES

    case = CASES[name]
    model = case.file(name, work)
    inputs = case.inputs(work)
    calibration, samples, outputs = (scratch / f"{part}.npy" for part in ("calibration", "in", "out"))
    np.save(calibration, inputs.calibration)
    np.save(samples, inputs.samples)
    program = build / "tests/e2e/exact_run"
    given = [f"{name}={number}" for name, number in case.fixed.items()]
    given += [f"{name}={'x'.join(map(str, shape))}" for name, shape in case.shapes.items()]
    run = subprocess.run(
        [program, model, preset, calibration, samples, outputs, *given],
        check=False,
        capture_output=True,
        text=True,
    )
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    figures: dict[str, Any] = json.loads(run.stdout)
    theirs = reference(model, inputs.samples, case)
    figures |= compare(np.load(outputs), theirs, case, work)
    figures["samples"] = len(inputs.samples)
    figures["shape"] = shape_text(model, case)
    return figures


def exactness(figures: dict[str, Any], preset: str) -> str:
    if preset in FLOAT_PRESETS:
        return "float"
    return "yes" if figures["different_bits"] == 0 else f"no ({figures['different_bits']})"


def row(name: str, preset: str, figures: dict[str, Any]) -> str:
    samples = figures["samples"]
    top1 = f"{figures['top1'] * samples:.0f}/{samples}" if "top1" in figures else "-"
    cells = (
        name,
        figures["shape"],
        preset,
        exactness(figures, preset),
        f"{figures['max_relative_error']:.2g}",
        f"{figures['rms_relative_error']:.2g}",
        top1,
        f"{figures['secure_memory_peak'] / 2**20:.2f}",
        f"{figures['bundle_size'] / 2**20:.1f}",
        f"{figures['protect_seconds']:.1f}",
    )
    return "| " + " | ".join(cells) + " |"


INTRODUCTION = """# Models

Every figure below was measured by

    python3 tools/models/table.py --build build

**exact**: no output bit of the protected pipeline (oneDNN accelerator, two threads) differs from
plain integer arithmetic on the same quantised model; `float` where nothing is quantised. **error**:
largest difference from ONNX Runtime (for TFLite files from LiteRT) in float32 over all samples and
outputs, relative to the range of the output; **rms**: the same of the root mean square. **top-1**:
samples on which the first output's largest element agrees with it; no figure for detectors. **secure memory**: MiB
the loaded model uses, at most 12. Bundle in MiB, time of `protect` in seconds on two shared cores,
calibration included.

`enclave` takes 8 or 16 bits in each layer, by the noise it predicts, and calibrated ranges have a
sixteenth of headroom ([decision 14](decisions/0014-headroom-and-bits-by-noise.md)). `soter` is without
fingerprints, four fifths of its associative operators on the accelerator (seed 0).

Trained weights: `resnet44-cifar10` (calibrated on CIFAR-10 training pictures, run on test
pictures), `blazeface-128` and the `ppocr` models (pieces of a photograph and of a printed page),
`silero-vad` and the `wakeword` models (spoken words), and the TFLite files: `rnet` and `onet` (labelled
faces), `ssd-mobilenet-v2` and the `objectron` models (pieces of three photographs), and `nanodet` (six
photographs and pieces of them). The others have random weights and see
synthetic pictures or numbers (`tools/zoo`): their top-1 margins are far smaller than those of
trained networks, so read the error, not the agreement. Calibration: 100 CIFAR pictures, 96 views of
the photograph, 64 of the page (48 for `ppocr-rec`), 64 synthetic pictures for the MobileNets, 50 of
32x32 and for `mlp`, 12 for the other large networks, 32 samples for `lstm` and `transformer-small`, 96
pieces of a photograph for `rnet` and `onet`, 48 of three photographs for the other TFLite files and of
six for `nanodet`, 2 samples for `transformer`. `soter:fingerprints` compares a fingerprint in every job
([integrity](integrity.md#fingerprints)).

| model | input | preset | exact | error | rms | top-1 | secure memory | bundle | protect |
|---|---|---|---|---|---|---|---|---|---|
"""


FACES = """
## Faces

BlazeFace's outputs decoded (anchors, scores, non-maximum suppression; `tools/models/faces.py`) from
ONNX Runtime and from the protected model, over a photograph and views of it. **same**: faces in
pictures where both find the same faces. **shift**: largest distance between their edges, in pixels
of the 128x128 input.

| preset | same | shift |
|---|---|---|
"""

TEXT = """
## A printed page

PP-OCR's recogniser on the seven lines of a photographed page (`tools/models/text.py`). **same**:
lines read as ONNX Runtime reads them; **characters**: edit distance between the two texts.

| preset | same | characters |
|---|---|---|
"""

SPEECH = """
## Speech

Silero VAD over recordings of {files} spoken words and one noise (Debian `alsa-utils`), in pieces of
32 ms, the state of each piece from ONNX Runtime. **same**: pieces on which both say speech (above
0.5) or both say none; **files**: recordings judged rightly, speech where any piece is.

| preset | same | files |
|---|---|---|
"""


WAKE = """
## A wake word

openWakeWord's "hey rhasspy" on words and sentences that `espeak-ng` speaks in three voices, none
of them heard in calibration. **same**: moments at which both scores are above 0.5 or neither is.

| preset | same | moments above 0.5 |
|---|---|---|
"""


DETECT = """
## Things in photographs

NanoDet's outputs decoded (80 kinds of things, distances of the edges, non-maximum suppression, scores
above 0.4; `tools/models/detect.py`), from ONNX Runtime and from the protected model, on the six
photographs of Debian's `darknet` and three pieces of each. **same**: things of ONNX Runtime that the
protected model finds as well, same kind and boxes that overlap by half or more; **others**: things that
it alone finds; **overlap**: the least of the same things' boxes, intersection over union.

| preset | same | others | overlap |
|---|---|---|---|
"""


def section(head: str, results: Results, key: str, columns: str) -> str:
    """`head` and a row for each preset whose figures have `key`; nothing when none has."""
    rows = [
        f"| {preset} | " + columns.format(**figures) + " |"
        for (_, preset), figures in results.items()
        if key in figures
    ]
    return head + "\n".join(rows) + "\n" if rows else ""


def text_text(results: Results) -> str:
    columns = "{same_lines}/{lines} | {wrong_characters} of {characters}"
    return section(TEXT, results, "lines", columns)


def wake_text(results: Results) -> str:
    return section(WAKE, results, "moments", "{same_moments}/{moments} | {detections}")


def speech_text(results: Results) -> str:
    files = next((f["files"] - 1 for f in results.values() if "pieces" in f), 0)
    columns = "{same_pieces}/{pieces} | {right_files}/{files}"
    return section(SPEECH.format(files=files), results, "pieces", columns)


def detect_text(results: Results) -> str:
    columns = "{same_objects}/{objects} | {other_objects} | {least_overlap:.3f}"
    return section(DETECT, results, "objects", columns)


def faces_text(results: Results) -> str:
    return section(FACES, results, "faces", "{same_faces}/{faces} | {face_shift:.2g}")


def write_table(results: Results, names: list[str], out: Path) -> None:
    """What was measured, and what is in `out` already and was not."""
    rows = [row(name, preset, figures) for (name, preset), figures in results.items()]
    text = INTRODUCTION + "\n".join(rows) + "\n"
    text += faces_text(results) + text_text(results) + speech_text(results)
    text += wake_text(results) + detect_text(results) + tflite_text(results)
    out.write_text(merged(out.read_text() if out.exists() else "", text, names))


def result_file(work: Path, name: str, preset: str) -> Path:
    return work / f"{name}.{preset}.json"


def arguments(known: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, metavar="DIR")
    parser.add_argument("--models", nargs="+", choices=known, default=known, metavar="NAME")
    parser.add_argument("--presets", nargs="+", choices=KNOWN_PRESETS, default=PRESETS, metavar="NAME")
    parser.add_argument("--work", type=Path, metavar="DIR", help="default: BUILD/models")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/models.md", metavar="FILE")
    return parser.parse_args()


def main() -> int:
    from cases import CASES

    options = arguments(list(CASES))
    work = (options.work or options.build / "models").resolve()
    work.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.models:
        for preset in options.presets:
            file = result_file(work, name, preset)
            if file.exists():
                continue
            try:
                figures = measure(options.build.resolve(), work, name, preset)
            except (RuntimeError, ValueError, subprocess.CalledProcessError) as error:
                print(f"{name} {preset}: {error}", file=sys.stderr)
                failed = True
                continue
            file.write_text(json.dumps(figures))
            print(name, preset, json.dumps(figures), file=sys.stderr, flush=True)
    results = {
        (name, preset): json.loads(result_file(work, name, preset).read_text())
        for name in CASES
        for preset in KNOWN_PRESETS
        if result_file(work, name, preset).exists()
    }
    write_table(results, [*CASES, *KNOWN_PRESETS], options.out)
    bad = [
        pair
        for pair, figures in results.items()
        if figures["secure_memory_peak"] > SECURE_MEMORY_LIMIT
        or (pair[1] not in FLOAT_PRESETS and figures["different_bits"] != 0)
    ]
    for name, preset in bad:
        print(f"{name} {preset}: not exact, or over 12 MiB of secure memory", file=sys.stderr)
    return 1 if failed or bad else 0


if __name__ == "__main__":
    enter_venv()
    sys.exit(main())
