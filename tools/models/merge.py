"""Puts newly measured rows into a document that has older ones."""

from dataclasses import dataclass, field

Key = tuple[str, ...]


@dataclass
class Section:
    text: list[str]  # lines above the rows: heading, words, head of the table
    rows: dict[Key, str] = field(default_factory=dict)
    note: list[str] = field(default_factory=list)  # lines below them


def key_of(row: str, names: dict[str, int]) -> Key:
    """The cells of a row that are models or presets."""
    cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
    return tuple(cell for cell in cells if cell in names)


def sections(document: str, names: dict[str, int]) -> dict[str, Section]:
    """By heading. Rows are the lines of a table behind its line of dashes."""
    found: dict[str, Section] = {}
    for line in document.splitlines():
        if line.startswith("#"):
            section = found[line] = Section([])
        headed = any(text.startswith("|---") for text in section.text)
        if headed and line.startswith("|"):
            section.rows[key_of(line, names) or (line,)] = line
        elif headed:
            section.note.append(line)
        else:
            section.text.append(line)
    return found


def _lines(old: Section, new: Section, order: dict[str, int]) -> list[str]:
    rows = old.rows | new.rows
    ordered = sorted(rows, key=lambda key: [order.get(name, -1) for name in key])
    kept = old.rows.keys() - new.rows.keys()
    text = "\n".join(new.text or old.text).rstrip()
    note = "\n".join(old.note if kept else new.note).strip()
    return [text, *(rows[key] for key in ordered), *(["", note] if note else []), ""]


def merged(old: str, new: str, names: list[str]) -> str:
    """The new document with those rows and sections of the old one that it does not have.

    What stands below rows stays as long as one of them does. `names`, models and presets, in the order
    that rows get.
    """
    order = {name: index for index, name in enumerate(names)}
    before, after = sections(old, order), sections(new, order)
    lines: list[str] = []
    for heading in before | after:
        empty = Section([])
        lines += _lines(before.get(heading, empty), after.get(heading, empty), order)
    return "\n".join(lines[:-1]) + "\n"
