"""docs/results/accuracy.md."""

from typing import Any

Results = dict[tuple[str, str], dict[str, Any]]  # figures by network and preset

INTRODUCTION = """# Accuracy of protected networks

    python3 tools/models/accuracy.py --build build --data DIR

Trained networks, protected and not, on test samples that training never saw. DIR holds `cifar10-test.zip` (test/CLASS/NNNN.jpg) and
`minivgg-cifar10.onnx`; ResNet-44 is in `tests/data`, those that are not about CIFAR-10 are in `tests/data/victims`, with the logs of
their training (`tools/train/victims.py`, [data](../../tests/data/README.md)). Original: ONNX Runtime in float32 on the very same numbers.

**top-1**: right samples, in percent. **same**: *consistency*, samples on which the protected network and the original have the same class; the interval holds the
share of all samples there might be with probability 95 % (Wilson, 1927). **of right**, **of wrong**: the same among samples on which the original is right, and
wrong. **surest change**: the highest confidence (softmax) of the original where the class changed. **shift**: mean change of that confidence, in points. **noise**: error of the scores
below their signal.
"""

SECTION = """
## {text}

{samples} test samples. Original: {top1:.2f} % right; mean confidence {right:.1f} % where it is right, {wrong:.1f} % where it is wrong.

| preset | top-1 | same | of right | of wrong | surest change | shift | noise |
|---|---|---|---|---|---|---|---|
"""

COMMANDS = """
## Commands

Every bundle is made by `penumbra protect MODEL -o BUNDLE OPTIONS --calibration FOLDER` and run by `penumbra run BUNDLE --input inputs.npy --output scores.npy --threads 2`;
100 training samples are calibration (200 pictures for CIFAR-10). Not here: `slalom-verify` (the bits of `slalom`), `aegisdnn` (its split depends on the device;
it computes as `darknetz` and `mlcapsule` do) and `ennclave` (another network, [public backbone](ennclave.md)). OPTIONS of the rows above:

| row | options |
|---|---|
"""


def interval(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's, of a share, as shares."""
    share, square = count / total, z * z / total
    middle = share + square / 2
    reach = z * ((share * (1 - share) + square / 4) / total) ** 0.5
    return (middle - reach) / (1 + square), (middle + reach) / (1 + square)


def of(count: int, total: int) -> str:
    return f"{count}/{total}" if total else "-"


def row(preset: str, figures: dict[str, Any]) -> str:
    samples, original = figures["samples"], figures["original"]
    low, high = (100 * end for end in interval(figures["same"], samples))
    surest, noise = figures["sure_flipped"], figures["noise_db"]
    cells = (
        preset,
        f"{100 * figures['protected'] / samples:.2f} %",
        f"{100 * figures['same'] / samples:.2f} % ({low:.2f} to {high:.2f})",
        of(figures["same_right"], original),
        of(figures["same_wrong"], samples - original),
        "-" if surest is None else f"{100 * surest:.1f} %",
        f"{100 * figures['confidence_shift']:.2g}",
        "-" if noise is None else f"{noise:.1f} dB",
    )
    return "| " + " | ".join(cells) + " |"


def document(results: Results, presets: dict[str, list[str]], texts: dict[str, str]) -> str:
    parts = [INTRODUCTION]
    for name, text in texts.items():
        own = {preset: results[name, preset] for preset in presets if (name, preset) in results}
        if not own:
            continue
        figures = next(iter(own.values()))
        parts.append(
            SECTION.format(
                text=text,
                samples=f"{figures['samples']:,}",
                top1=100 * figures["original"] / figures["samples"],
                right=100 * figures["sure_right"],
                wrong=100 * figures["sure_wrong"],
            )
        )
        parts += [row(preset, own[preset]) + "\n" for preset in own]
    parts.append(COMMANDS)
    parts += [f"| {preset} | `{' '.join(options)}` |\n" for preset, options in presets.items()]
    return "".join(parts)
