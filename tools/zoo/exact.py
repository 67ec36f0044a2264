"""Forward kernels of the calibration pass, exact in float64 and so the same bits on every machine.

Activations lie on a grid of 2^-10 and weights are integers of 17 bits, so every product and every
partial sum of a layer is a multiple of 2^-10 below 2^43: float64 represents all of them and no
order of summation, instruction set or BLAS can change a result. Only the return to the grid rounds.
"""

import numpy as np

from zoo.draw import BELL_BITS, FloatArray, IntArray

GRID_BITS = 10
GRID = float(1 << GRID_BITS)


def to_grid(x: FloatArray) -> FloatArray:
    return np.rint(x * GRID) / GRID


def require_exact(x: FloatArray, terms: int) -> None:
    peak = float(np.abs(x).max()) * GRID
    if peak * terms * (1 << BELL_BITS) >= 2.0**53:
        raise OverflowError(f"activations up to {peak / GRID:.3g} over {terms} terms are not exact")


def _windows(padded: FloatArray, kernel: int, stride: int) -> FloatArray:
    """[N,C,H,W] -> a view [N,C,H',W',kernel,kernel]."""
    height, width = ((edge - kernel) // stride + 1 for edge in padded.shape[2:])
    rows, columns = padded.strides[2:]
    shape = (*padded.shape[:2], height, width, kernel, kernel)
    strides = (*padded.strides[:2], rows * stride, columns * stride, rows, columns)
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)


def conv(x: FloatArray, weight: IntArray, stride: int, pad: int, groups: int) -> FloatArray:
    """x [N,C,H,W], weight [O,C/groups,k,k] -> [N,O,H',W']."""
    kernel = weight.shape[2]
    require_exact(x, weight[0].size)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = _windows(padded, kernel, stride)
    if groups == x.shape[1] and weight.shape[0] == groups:
        return _depthwise(windows, weight)
    count, _, height, width = windows.shape[:4]
    out_per_group = weight.shape[0] // groups
    in_per_group = weight.shape[1]
    rows = weight.reshape(groups, out_per_group, -1).astype(np.float64)
    out = np.empty((count, weight.shape[0], height, width))
    for image in range(count):
        for group in range(groups):
            chosen = windows[image, group * in_per_group : (group + 1) * in_per_group]
            columns = chosen.transpose(0, 3, 4, 1, 2).reshape(rows.shape[2], height * width)
            first = group * out_per_group
            product = rows[group] @ columns
            out[image, first : first + out_per_group] = product.reshape(-1, height, width)
    return out


def _depthwise(windows: FloatArray, weight: IntArray) -> FloatArray:
    out = np.zeros(windows.shape[:4])
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            out += windows[..., row, column] * weight[None, :, 0, row, column, None, None]
    return out


def dense(x: FloatArray, weight: IntArray) -> FloatArray:
    """x [N,C], weight [O,C] -> [N,O]."""
    require_exact(x, weight.shape[1])
    return x @ weight.T.astype(np.float64)


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance per channel of x [N,C,H,W].

    Sums of grid values and of their squares stay below 2^53, hence exact, for the ranges met here.
    """
    x = to_grid(x)
    count = x.size // x.shape[1]
    mean = x.sum(axis=(0, 2, 3)) / count
    square = np.square(x)
    if float(square.max()) * GRID * GRID * count >= 2.0**53:
        raise OverflowError("activations too large for an exact variance")
    return mean, np.maximum(square.sum(axis=(0, 2, 3)) / count - mean * mean, 0.0)


def max_pool(x: FloatArray, kernel: int, stride: int, pad: int) -> FloatArray:
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    windows = _windows(padded, kernel, stride)
    out: FloatArray = windows[..., 0, 0].copy()
    for row in range(kernel):
        for column in range(kernel):
            np.maximum(out, windows[..., row, column], out=out)
    return out


def average_pool(x: FloatArray, kernel: int) -> FloatArray:
    """Square windows that do not overlap and cover x exactly."""
    count, channels, height, width = x.shape
    shape = (count, channels, height // kernel, kernel, width // kernel, kernel)
    return to_grid(x.reshape(shape).sum(axis=(3, 5)) / (kernel * kernel))


def upsample2(x: FloatArray) -> FloatArray:
    return x.repeat(2, axis=2).repeat(2, axis=3)
