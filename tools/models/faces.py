"""BlazeFace's outputs as faces: anchors, scores and non-maximum suppression.

Source: MediaPipe, face_detection_short_range (SSD anchors of strides 8 and 16, fixed anchor size).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

INPUT_SIZE = 128
# Side of the grid and anchors per cell, in the order of the network's outputs.
GRIDS = ((16, 2), (8, 6))
LEAST_SCORE = 0.5
MOST_OVERLAP = 0.3  # intersection over union from which two boxes are one face


@dataclass(frozen=True)
class Face:
    score: float
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the input


def anchor_centres() -> FloatArray:
    """[896, 2]: x, y in [0, 1], row by row."""
    centres = [
        ((column + 0.5) / side, (row + 0.5) / side)
        for side, count in GRIDS
        for row in range(side)
        for column in range(side)
        for _ in range(count)
    ]
    return np.array(centres, np.float32)


def overlap(a: Face, b: Face) -> float:
    """Intersection over union."""
    left, top = max(a.box[0], b.box[0]), max(a.box[1], b.box[1])
    right, bottom = min(a.box[2], b.box[2]), min(a.box[3], b.box[3])
    both = max(0.0, right - left) * max(0.0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a.box, b.box)]
    return both / (sum(areas) - both) if both > 0 else 0.0


def suppress(faces: list[Face]) -> list[Face]:
    """The best face of every place, best first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face, other) < MOST_OVERLAP for other in kept):
            kept.append(face)
    return kept


def decode(outputs: list[FloatArray]) -> list[Face]:
    """outputs: scores of the two grids, then their boxes [anchors, 16] (x, y, width, height, ...)."""
    scores = np.concatenate([outputs[0].ravel(), outputs[1].ravel()]).astype(np.float64)
    raw = np.concatenate([outputs[2].reshape(-1, 16), outputs[3].reshape(-1, 16)])
    probability = 1 / (1 + np.exp(-np.clip(scores, -100, 100)))
    centres = raw[:, :2] + anchor_centres() * INPUT_SIZE
    halves = raw[:, 2:4] / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    found = np.flatnonzero(probability >= LEAST_SCORE)
    return suppress(
        [Face(float(probability[i]), tuple(float(edge) for edge in boxes[i])) for i in found]
    )


def largest_shift(ours: list[Face], theirs: list[Face]) -> float:
    """Pixels between the edges of the same faces; infinite when they are not the same faces."""
    if len(ours) != len(theirs):
        return float("inf")
    shift = 0.0
    for face in theirs:
        other = max(ours, key=lambda candidate: overlap(face, candidate))
        if overlap(face, other) < MOST_OVERLAP:
            return float("inf")
        edges = zip(face.box, other.box, strict=True)
        shift = max(shift, *(abs(a - b) for a, b in edges))
    return shift
