"""Synthetic pictures with the statistics of photographs: shading, texture at every scale, edges.

They calibrate the normalisation of the random networks and feed their self-check. Exact arithmetic
(see exact.py) keeps them the same bits everywhere.
"""

import numpy as np

from zoo.draw import BELL_SIGMA, Draw, FloatArray
from zoo.exact import to_grid, upsample2

# Range of ImageNet pixels after subtracting the mean and dividing by the standard deviation.
LOWEST, HIGHEST = -2.125, 2.625


def _smooth(x: FloatArray) -> FloatArray:
    for axis in (2, 3):
        x = (np.roll(x, 1, axis) + 2.0 * x + np.roll(x, -1, axis)) / 4.0
    return x


def _texture(draw: Draw, count: int, channels: int, size: int) -> FloatArray:
    """Noise of equal energy per octave, which is the 1/f spectrum of natural images."""
    octaves = max(1, size.bit_length() - 2)
    edge = -(-size >> octaves) + 1
    x = draw.bell((count, channels, edge, edge)).astype(np.float64)
    for _ in range(octaves):
        x = _smooth(upsample2(x))
        x += draw.bell(x.shape) * 0.5
    return x[:, :, :size, :size] / BELL_SIGMA


def _paint_rectangles(draw: Draw, x: FloatArray, rectangles: int) -> None:
    """Flat patches over the texture: the edges a smooth texture lacks."""
    count, channels, size, _ = x.shape
    for image in range(count):
        corners = draw.integers(4 * rectangles, 0, size).reshape(rectangles, 4)
        colours = draw.uniform(channels * rectangles, -1.5, 1.5).reshape(rectangles, channels)
        for (top, left, height, width), colour in zip(corners, colours, strict=True):
            patch = x[image, :, top : top + height // 3, left : left + width // 3]
            patch[...] = 0.25 * patch + colour[:, None, None]


def pictures(seed: int, count: int, channels: int, size: int) -> FloatArray:
    """[count, channels, size, size] in [LOWEST, HIGHEST], standard deviation near 1."""
    draw = Draw(seed, f"pictures {channels}x{size}")
    grey = _texture(draw, count, 1, size)
    colour = _texture(draw, count, channels, size)
    x = to_grid(0.75 * grey + 0.5 * colour)
    _paint_rectangles(draw, x, 16)
    # Light and contrast differ from photograph to photograph.
    light = draw.uniform(count, -0.7, 0.7)[:, None, None, None]
    contrast = draw.uniform(count, 0.6, 1.2)[:, None, None, None]
    return to_grid(np.clip(x * contrast + light, LOWEST, HIGHEST))
