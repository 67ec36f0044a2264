"""Reading a printed page: lines for PP-OCR's recogniser, and its outputs as text.

Source of the decoding: connectionist temporal classification (Graves et al., 2006), best path: the
likeliest character of every position, repetitions once, blanks left out.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatArray = npt.NDArray[np.float32]

HEIGHT, WIDTH = 48, 1024
# Rows of the photographed page that hold its lines.
LINES = ((10, 37), (49, 67), (64, 83), (80, 98), (97, 115), (114, 133), (167, 189))


def line_pictures(photo: FloatArray) -> FloatArray:
    """[line, 3, HEIGHT, WIDTH] in [-1, 1]: each line as tall as the input, grey behind its end."""
    pictures = np.zeros((len(LINES), 3, HEIGHT, WIDTH), np.float32)
    for picture, (top, bottom) in zip(pictures, LINES, strict=True):
        width = min(WIDTH, round(photo.shape[1] * HEIGHT / (bottom - top)))
        for channel in range(3):
            line = Image.fromarray(photo[top:bottom, :, channel])
            resized = line.resize((width, HEIGHT), Image.Resampling.BILINEAR)
            picture[channel, :, :width] = np.asarray(resized) * 2 - 1
    return pictures


def read_keys(path: Path) -> list[str]:
    """Characters by class: the blank, the file's lines, a space."""
    return ["", *path.read_text(encoding="utf-8").splitlines(), " "]


def decode(scores: FloatArray, keys: list[str]) -> str:
    """scores [position, class], or flat."""
    best = scores.reshape(-1, len(keys)).argmax(axis=1)
    kept = best[np.insert(best[1:] != best[:-1], 0, True)]
    return "".join(keys[index] for index in kept)


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions and replacements that turn a into b."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            change = above + (left != right)
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, change)
    return row[-1]


def judge(ours: list[FloatArray], theirs: list[FloatArray], keys: list[str]) -> dict[str, float]:
    """How ours, one row of scores per line, reads beside theirs."""
    pairs = [(decode(a, keys), decode(b, keys)) for a, b in zip(ours[0], theirs[0], strict=True)]
    return {
        "lines": len(pairs),
        "same_lines": sum(a == b for a, b in pairs),
        "characters": sum(len(b) for _, b in pairs),
        "wrong_characters": sum(edit_distance(a, b) for a, b in pairs),
    }
