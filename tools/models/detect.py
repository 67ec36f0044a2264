"""NanoDet's outputs as things, and how ours compare with the peer's.

Source: NanoDet (RangiLyu, 2020): one score for each class and place, the distance of each edge as
the mean of a distribution over 0 .. 10 steps of the grid (generalised focal loss, Li et al., 2020).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from augment import views, whole
from faces import overlap

FloatArray = npt.NDArray[np.float32]

INPUT_SIZE = 416
STRIDES = (8, 16, 32)
CLASSES, EDGES, BINS = 80, 4, 11
MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # blue, green, red
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
LEAST_SCORE = 0.4
MOST_OVERLAP = 0.6  # of two boxes of a class that are two things
PIECES = 8  # of each photograph, for calibration
CROPS = 3  # of each photograph, beside the whole of it, for samples


@dataclass(frozen=True)
class Thing:
    kind: int
    score: float
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the input


def prepared(photos: FloatArray) -> FloatArray:
    """[N, H, W, 3], red first, in [0, 1] -> what the network was trained on."""
    normal = (photos[..., ::-1] * 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(normal.transpose(0, 3, 1, 2).astype(np.float32))


def calibration(photos: list[FloatArray]) -> FloatArray:
    size = INPUT_SIZE
    return prepared(np.concatenate([views(photo, PIECES, 1, size, size) for photo in photos]))


def samples(photos: list[FloatArray]) -> FloatArray:
    size = INPUT_SIZE
    crops = [views(photo, CROPS, 2, size, size) for photo in photos]
    return prepared(np.concatenate([*(whole(photo, size, size)[None] for photo in photos), *crops]))


def _places(stride: int) -> FloatArray:
    """[place, 2]: x, y of the centres of a grid's cells, row by row."""
    side = INPUT_SIZE // stride
    y, x = np.divmod(np.arange(side * side), side)
    return (np.stack([x, y], axis=1) + np.float32(0.5)) * stride


def _boxes(distributions: FloatArray, stride: int) -> FloatArray:
    logits = distributions.reshape(-1, EDGES, BINS).astype(np.float64)
    weights = np.exp(logits - logits.max(2, keepdims=True))
    distance = (weights / weights.sum(2, keepdims=True)) @ np.arange(BINS) * stride
    centres = _places(stride)
    return np.concatenate([centres - distance[:, :2], centres + distance[:, 2:]], axis=1)


def decode(outputs: list[FloatArray]) -> list[Thing]:
    """outputs: scores of the grids, then their distributions; best first."""
    found = []
    for level, stride in enumerate(STRIDES):
        scores = outputs[level].reshape(-1, CLASSES)
        boxes = _boxes(outputs[len(STRIDES) + level], stride)
        for place, kind in np.argwhere(scores > LEAST_SCORE):
            box = tuple(float(edge) for edge in boxes[place])
            found.append(Thing(int(kind), float(scores[place, kind]), box))
    kept: list[Thing] = []
    for thing in sorted(found, key=lambda thing: -thing.score):
        rivals = [other for other in kept if other.kind == thing.kind]
        if all(overlap(thing, rival) < MOST_OVERLAP for rival in rivals):
            kept.append(thing)
    return kept


def matched(ours: list[Thing], theirs: list[Thing]) -> list[float]:
    """Overlaps of things of the same kind, each of ours with at most one of theirs."""
    left, overlaps = list(ours), []
    for thing in theirs:
        best = max((o for o in left if o.kind == thing.kind), key=lambda o: overlap(o, thing), default=None)
        if best is not None and overlap(best, thing) >= 0.5:
            left.remove(best)
            overlaps.append(overlap(best, thing))
    return overlaps


def judge(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    pairs = [
        tuple(decode([output[sample] for output in outputs]) for outputs in (ours, theirs))
        for sample in range(len(theirs[0]))
    ]
    overlaps = [overlap_ for pair in pairs for overlap_ in matched(*pair)]
    found, expected = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    return {
        "objects": expected,
        "same_objects": len(overlaps),
        "other_objects": found - len(overlaps),
        "least_overlap": min(overlaps, default=0.0),
    }
