#!/usr/bin/env python3
"""Turns what `penumbra bench --json` and goals.py wrote into the tables of the documentation.

    tables.py FILE.json...                print the tables of each file
    tables.py --update DOCUMENT.md...     write them where the documents have a pair of lines like
                                              <!-- table presets resnet44.json -->
                                              <!-- end -->
    tables.py --check DOCUMENT.md...      fail where a document does not hold what --update would write

Files are looked for beside the document and in docs/results. Every table names the processor, the instruction set and the
versions, which stand in the file. Only the standard library is used.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from goals_table import commands, goals_table, winograd_table

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
BLOCK = re.compile(r"(<!-- table (\S+) (\S+) -->\n)(.*?)(<!-- end -->)", re.S)

Document = dict[str, object]
Row = list[str]


def number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def megabytes(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.2f}"


def p50(summary: dict[str, float] | None) -> float | None:
    return None if summary is None else summary["p50_ms"]


def machine_line(document: Document) -> str:
    machine = document.get("machine") or next(cell["machine"] for cell in document["cells"].values() if "machine" in cell)
    settings = document.get("settings", document)
    carrier = f", carrier {settings['carrier'].split()[0]}" if "carrier" in settings else ""
    return (
        f"{machine['processor']}, {machine['instruction_set']}, {machine['cores']} cores, "
        f"penumbra {machine['penumbra']}; {settings.get('threads', 1)} thread{carrier}."
    )


def phases(preset: dict[str, dict[str, float | None]]) -> Row:
    members = ("p1_trusted_ms", "p2_accelerator_ms", "p3_switch_ms", "p4_integrity_ms")
    return [number(preset["phases"][member]) for member in members]


PRESET_HEAD = ["preset", "ratio", "pads ready", "as used", "first", "P1", "P2", "P3", "P4", "one pad", "TEE memory, MB"]


def preset_row(preset: Document) -> Row:
    return [
        f"`{preset['preset']}`", number(preset["ratio"]), number(p50(preset["burst"])), number(p50(preset["sustained"])),
        number(preset["first_request_ms"]), *phases(preset), number(preset["pad_ms"]),
        megabytes(preset["secure_memory_peak_bytes"]),
    ]  # fmt: skip


def presets_table(document: Document) -> Iterator[Row]:
    yield PRESET_HEAD
    for preset in document["presets"]:
        yield preset_row(preset)


def cells(document: Document, kind: str) -> Iterator[Document]:
    return (cell for cell in document["cells"].values() if cell["kind"] == kind)


def networks_table(document: Document) -> Iterator[Row]:
    yield ["network", *PRESET_HEAD, "protect, s", "public half, MB"]
    for cell in cells(document, "networks"):
        for preset in cell["presets"]:
            yield [cell["network"], *preset_row(preset), number(preset["protect_s"]), megabytes(preset["public_bytes"])]


def theta_table(document: Document) -> Iterator[Row]:
    yield ["network", "batch", "theta", "ms", "ratio", "public layers"]
    for cell in cells(document, "theta"):
        for preset in cell["presets"]:
            protection = preset["protection"]
            yield [
                cell["network"], str(cell["batch"]), number(cell["value"], 1), number(p50(preset["burst"])),
                number(preset["ratio"]), f"{protection['public_layers']} of {protection['layers']}",
            ]  # fmt: skip


def ratio_table(document: Document) -> Iterator[Row]:
    yield ["network", "ratio of filters", "ms", "to float32", "public half, MB", "one pad", "same top-1", "largest error"]
    for cell in cells(document, "ratio"):
        compared = cell.get("compared")
        for preset in cell["presets"]:
            yield [
                cell["network"], number(cell["value"], 1), number(p50(preset["burst"])), number(preset["ratio"]),
                megabytes(preset["public_bytes"]), number(preset["pad_ms"]),
                f"{compared['same_top1']} of {compared['samples']}",
                f"{compared['max_abs_error']:.5f} of {compared['max_abs_value']:.2f}",
            ]  # fmt: skip


def ablation_table(document: Document) -> Iterator[Row]:
    yield ["network", "changed", "ms", "to float32", "P1", "P2", "P3", "P4", "one pad", "TEE memory, MB"]
    for cell in cells(document, "ablation"):
        for preset in cell["presets"]:
            yield [
                cell["network"], cell["setting"], number(p50(preset["burst"])), number(preset["ratio"]), *phases(preset),
                number(preset["pad_ms"]), megabytes(preset["secure_memory_peak_bytes"]),
            ]  # fmt: skip


def metric_table(document: Document) -> Iterator[Row]:
    yield ["network", "layers", "bits in all, ratio 1.0", "1.2", "2.0", "least layer, 1.2", "filters the attack recovers", "in ms"]
    for cell in cells(document, "paper metric"):
        metric = cell["paper_metric"]
        bits = {round(at["ratio"], 1): at for at in metric["ratios"]}
        yield [
            cell["network"], str(len(metric["layers"])), *(number(bits[ratio]["sum_bits"], 0) for ratio in (1.0, 1.2, 2.0)),
            number(bits[1.2]["least_layer_bits"], 0), f"{metric['recovered']} of {metric['filters']}", number(metric["attack_ms"], 0),
        ]  # fmt: skip


TABLES: dict[str, Callable[[Document], Iterator[Row]]] = {
    "presets": presets_table,
    "networks": networks_table,
    "theta": theta_table,
    "ratio": ratio_table,
    "ablation": ablation_table,
    "metric": metric_table,
    "goals": goals_table,
    "winograd": winograd_table,
    "commands": commands,
}
PAPER_TABLES = ("networks", "theta", "ratio", "ablation", "metric")
GOAL_TABLES = ("goals", "winograd", "commands")


def tables_of(document: Document) -> tuple[str, ...]:
    if "presets" in document:
        return ("presets",)
    return PAPER_TABLES if "paper" in document else GOAL_TABLES


def markdown(name: str, document: Document) -> str:
    rows = list(TABLES[name](document))
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join([machine_line(document), "", *lines]) + "\n"


def load(name: str, beside: Path) -> Document:
    for folder in (beside, RESULTS):
        if (folder / name).exists():
            return json.loads((folder / name).read_text())
    sys.exit(f"error: there is no {name} in {beside} or {RESULTS}; make it with penumbra bench --json")


def updated(document: Path) -> str:
    def write(match: re.Match[str]) -> str:
        head, table, file, _, end = match.groups()
        if table not in TABLES:
            sys.exit(f"error: {document}: no table is called {table}; there are {', '.join(TABLES)}")
        return f"{head}\n{markdown(table, load(file, document.parent))}\n{end}"

    return BLOCK.sub(write, document.read_text())


def trimmed(document: Document) -> Document:
    """Without what no table shows: the layers and warnings of presets."""
    lists = [document.get("presets", []), *(cell["presets"] for cell in document.get("cells", {}).values())]
    for presets in lists:
        for preset in presets:
            preset.pop("layers", None)
            if preset.get("protection"):
                preset["protection"].pop("warnings", None)
    return document


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--update", action="store_true")
    action.add_argument("--check", action="store_true")
    action.add_argument("--trim", action="store_true", help="make the JSON files small enough to keep")
    parser.add_argument("files", nargs="+", type=Path)
    arguments = parser.parse_args()
    stale = 0
    for path in arguments.files:
        if arguments.trim:
            path.write_text(json.dumps(trimmed(json.loads(path.read_text())), indent=1) + "\n")
        elif arguments.update:
            path.write_text(updated(path))
        elif arguments.check:
            if updated(path) != path.read_text():
                print(f"{path}: not what its results say; run tools/results/tables.py --update {path}", file=sys.stderr)
                stale = 1
        else:
            document = json.loads(path.read_text())
            print("\n".join(f"{name}\n\n{markdown(name, document)}" for name in tables_of(document)))
    return stale


if __name__ == "__main__":
    sys.exit(main())
