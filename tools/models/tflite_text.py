"""The sections of docs/models.md about TFLite models."""

from typing import Any

Results = dict[tuple[str, str], dict[str, Any]]  # figures by model and preset

CASCADE = """
## Labelled faces (TFLite)

RNet and ONet on the 100 faces and 100 other pictures of scikit-image's subset of LFW, calibrated on
pieces of another photograph. **right**: pictures judged rightly; LiteRT judges {peer_right} of {labelled}
rightly with each. **same**: pictures judged as LiteRT judges them.

| model | preset | right | same |
|---|---|---|---|
"""

OBJECTS = """
## Objects (TFLite)

SSD MobileNetV2 (float16 weights) on pieces of three photographs; calibration sees other pieces of them.
**anchors**: places where either the protected model or LiteRT sees something (score above 0.5) and
both see the same; **views**: pieces in which both see the same kinds of objects.

| model | preset | anchors | views |
|---|---|---|---|
"""

THINGS = """
## Things and their corners (TFLite)

Objectron's MobileNetV2 networks (float16 weights) on the same pieces: is a thing of the kind there, and
where are the corners of its box. **same**: pieces on which both say yes (score above 0.5) or both no;
**seen**: those on which LiteRT says yes; **shift**: largest distance of a corner's coordinate, in
pixels of the 224x224 input, over all pieces, those without such a thing included.

| model | preset | same | seen | shift |
|---|---|---|---|---|
"""


def model_section(head: str, results: Results, key: str, columns: str) -> str:
    """As `section`, with the model's name in front of each row."""
    found = {pair: figures for pair, figures in results.items() if key in figures}
    if not found:
        return ""
    rows = [
        f"| {name} | {preset} | " + columns.format(**figures) + " |"
        for (name, preset), figures in found.items()
    ]
    return head.format(**next(iter(found.values()))) + "\n".join(rows) + "\n"


def tflite_text(results: Results) -> str:
    return (
        model_section(
            CASCADE, results, "labelled", "{right}/{labelled} | {same_labelled}/{labelled}"
        )
        + model_section(
            OBJECTS, results, "anchors", "{same_anchors}/{anchors} | {same_views}/{views}"
        )
        + model_section(
            THINGS,
            results,
            "things",
            "{same_things}/{things} | {things_seen} | {corner_shift:.2g}",
        )
    )
