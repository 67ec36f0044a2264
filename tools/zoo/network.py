"""Builds a network twice at once: as an ONNX graph and as activations on a few synthetic pictures.

Every layer draws random weights, looks at what it makes of the pictures and sets its normalisation
(BatchNorm statistics, or the scale and bias of a layer without BatchNorm) from that, as training
would. So activations keep a healthy range through any depth, which no fixed initialisation gives,
and each channel has its own mean and spread, which is what a quantiser has to cope with.
"""

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zoo import exact
from zoo.draw import BELL_SIGMA, Draw, FloatArray, IntArray
from zoo.emit import Graph
from zoo.pictures import pictures

EPSILON = 1e-5
LOGIT_SPREAD = 4.0
DENSE_ROWS = 512  # rows of a dense matrix handled at once, which bounds memory

Range = tuple[float, float]
GAMMA: Range = (0.6, 1.4)
# The last normalisation of a residual branch: small, or the sum would grow with every block.
BRANCH_GAMMA: Range = (0.2, 0.6)
BETA: Range = (-0.5, 0.5)


class Norm(Enum):
    """What follows the weights of a convolution."""

    BATCH = "BatchNorm"
    BIAS = "bias"
    NONE = "nothing"


# Trained parameters per output channel; running statistics are not counted, as is usual.
EXTRA_PARAMETERS = {Norm.BATCH: 2, Norm.BIAS: 1, Norm.NONE: 0}


@dataclass(frozen=True)
class Value:
    """A tensor of the graph with its activations on the calibration pictures."""

    name: str
    data: FloatArray

    @property
    def channels(self) -> int:
        return int(self.data.shape[1])


@dataclass(frozen=True)
class _Moments:
    """The parameters of a BatchNorm in the order of its inputs."""

    gamma: FloatArray
    beta: FloatArray
    mean: FloatArray
    variance: FloatArray

    @property
    def scale(self) -> FloatArray:
        deviation: FloatArray = np.sqrt(self.variance + EPSILON)
        return self.gamma / deviation

    @property
    def shift(self) -> FloatArray:
        return self.beta - self.mean * self.scale


@dataclass(frozen=True)
class Options:
    seed: int = 1
    folded: bool = False
    dynamic_batch: bool = False
    tail_seed: int | None = None  # of the dense layers; none: that of all layers


class Network:
    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.parameter_count = 0
        self.mac_count = 0
        self._options = options
        self._graph = Graph(name)
        self._batch: int | str = "batch" if options.dynamic_batch else 1

    def _draw(self, name: str) -> Draw:
        return Draw(self._options.seed, f"{self.name}/{name}")

    def _draw_tail(self, name: str) -> Draw:
        tail = self._options.tail_seed
        return Draw(self._options.seed if tail is None else tail, f"{self.name}/{name}")

    def input(self, channels: int, size: int, count: int) -> Value:
        """The graph's input, seen through `count` calibration pictures."""
        self._graph.input("input", (self._batch, channels, size, size))
        return Value("input", pictures(self._options.seed, count, channels, size))

    def conv(
        self,
        name: str,
        x: Value,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        groups: int = 1,
        norm: Norm = Norm.BATCH,
        gamma: Range = GAMMA,
    ) -> Value:
        """A convolution, normalised by a BatchNorm, by its own weights and bias, or not at all."""
        pad = kernel // 2 if pad is None else pad
        draw = self._draw(name)
        weight = draw.bell((channels, x.channels // groups, kernel, kernel))
        he_sigma = math.sqrt(2.0 / weight[0].size)
        row_scale = draw.uniform(channels, 0.5, 1.5) * (he_sigma / BELL_SIGMA)
        y = exact.conv(x.data, weight, stride, pad, groups) * row_scale[None, :, None, None]
        self.mac_count += y[0].size * weight[0].size
        self.parameter_count += weight.size + channels * EXTRA_PARAMETERS[norm]

        attributes = {
            "kernel_shape": [kernel, kernel],
            "strides": [stride, stride],
            "pads": [pad] * 4,
            "dilations": [1, 1],
            "group": groups,
        }

        def emit(scale: FloatArray, bias: FloatArray | None) -> str:
            inputs = [x.name, self._graph.constant(f"{name}.weight", _scaled(weight, scale))]
            if bias is not None:
                inputs.append(self._graph.constant(f"{name}.bias", bias.astype(np.float32)))
            return self._graph.node("Conv", name, inputs, **attributes)

        if norm is Norm.NONE:
            return Value(emit(row_scale, None), exact.to_grid(y))
        if norm is Norm.BATCH and not self._options.folded:
            return self._normalise(f"{name}.bn", emit(row_scale, None), y, gamma)
        moments = self._moments(f"{name}.bn", y, gamma)
        return Value(emit(row_scale * moments.scale, moments.shift), _affine(y, moments))

    def batch_norm(self, name: str, x: Value) -> Value:
        """A normalisation no convolution directly precedes, so that it is never folded here."""
        self.parameter_count += EXTRA_PARAMETERS[Norm.BATCH] * x.channels
        return self._normalise(name, x.name, x.data, GAMMA)

    def _moments(self, name: str, y: FloatArray, gamma: Range) -> _Moments:
        draw = self._draw(name)
        mean, variance = exact.channel_moments(y)
        count = y.shape[1]
        return _Moments(draw.uniform(count, *gamma), draw.uniform(count, *BETA), mean, variance)

    def _normalise(self, name: str, source: str, y: FloatArray, gamma: Range) -> Value:
        moments = self._moments(name, y, gamma)
        inputs = [source]
        for suffix, values in vars(moments).items():
            inputs.append(self._graph.constant(f"{name}.{suffix}", values.astype(np.float32)))
        made = self._graph.node("BatchNormalization", name, inputs, epsilon=EPSILON)
        return Value(made, _affine(y, moments))

    def dense(self, name: str, x: Value, channels: int) -> Value:
        """A hidden dense layer: centred per neuron, one scale for the layer (few samples exist)."""
        return self._dense(name, x, channels, 1.0, BETA)

    def classifier(self, name: str, x: Value, classes: int) -> Value:
        """The last layer: logits with standard deviation LOGIT_SPREAD over pictures and classes.

        Centring each class over the pictures keeps one class from winning on every input.
        """
        return self._dense(name, x, classes, LOGIT_SPREAD, (-0.1, 0.1))

    def _dense(self, name: str, x: Value, channels: int, spread: float, beta: Range) -> Value:
        draw = self._draw_tail(name)
        weight = np.empty((channels, x.channels), dtype=np.float32)
        raw = np.empty((len(x.data), channels))
        for first in range(0, channels, DENSE_ROWS):
            rows = slice(first, min(first + DENSE_ROWS, channels))
            ints = draw.bell((rows.stop - rows.start, x.channels))
            raw[:, rows] = exact.dense(x.data, ints)
            weight[rows] = ints  # 17 bits: float32 holds them exactly
        unit = 1.0 / (BELL_SIGMA * math.sqrt(x.channels))
        raw = exact.to_grid(raw * unit)
        mean = raw.sum(axis=0) / len(raw)
        centred = exact.to_grid(raw - mean)
        scale = spread / math.sqrt(float(np.square(centred).sum()) / centred.size + EPSILON)
        bias = self._draw_tail(f"{name}.bias").uniform(channels, *beta) - mean * scale
        weight *= np.float32(scale * unit)

        self.mac_count += weight.size
        self.parameter_count += weight.size + channels
        w = self._graph.constant(f"{name}.weight", weight)
        b = self._graph.constant(f"{name}.bias", bias.astype(np.float32))
        made = self._graph.node("Gemm", name, [x.name, w, b], transB=1)
        return Value(made, exact.to_grid(raw * scale + bias))

    def relu(self, x: Value) -> Value:
        made = self._graph.node("Relu", f"{x.name}.relu", [x.name])
        return Value(made, np.maximum(x.data, 0.0))

    def relu6(self, x: Value) -> Value:
        name = f"{x.name}.relu6"
        low = self._graph.constant(f"{name}.low", np.array(0.0, dtype=np.float32))
        high = self._graph.constant(f"{name}.high", np.array(6.0, dtype=np.float32))
        made = self._graph.node("Clip", name, [x.name, low, high])
        return Value(made, np.clip(x.data, 0.0, 6.0))

    def leaky_relu(self, x: Value, alpha: float = 0.1) -> Value:
        made = self._graph.node("LeakyRelu", f"{x.name}.leaky", [x.name], alpha=alpha)
        return Value(made, exact.to_grid(np.where(x.data < 0.0, x.data * alpha, x.data)))

    def add(self, name: str, a: Value, b: Value) -> Value:
        return Value(self._graph.node("Add", name, [a.name, b.name]), a.data + b.data)

    def concat(self, name: str, parts: list[Value]) -> Value:
        made = self._graph.node("Concat", name, [part.name for part in parts], axis=1)
        return Value(made, np.concatenate([part.data for part in parts], axis=1))

    def second_half(self, name: str, x: Value) -> Value:
        half = x.channels // 2
        tail = self._graph.split_tail(name, x.name, (half, x.channels - half))
        return Value(tail, x.data[:, half:])

    def max_pool(self, name: str, x: Value, kernel: int, stride: int, pad: int = 0) -> Value:
        attributes = {
            "kernel_shape": [kernel, kernel],
            "strides": [stride, stride],
            "pads": [pad] * 4,
        }
        made = self._graph.node("MaxPool", name, [x.name], **attributes)
        return Value(made, exact.max_pool(x.data, kernel, stride, pad))

    def average_pool(self, name: str, x: Value, kernel: int) -> Value:
        attributes = {"kernel_shape": [kernel, kernel], "strides": [kernel, kernel]}
        made = self._graph.node("AveragePool", name, [x.name], **attributes)
        return Value(made, exact.average_pool(x.data, kernel))

    def global_average_pool(self, name: str, x: Value) -> Value:
        made = self._graph.node("GlobalAveragePool", name, [x.name])
        return Value(made, exact.average_pool(x.data, x.data.shape[2]))

    def upsample2(self, name: str, x: Value) -> Value:
        scales = self._graph.constant(f"{name}.scales", np.array([1, 1, 2, 2], dtype=np.float32))
        made = self._graph.node(
            "Resize",
            name,
            [x.name, "", scales],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return Value(made, exact.upsample2(x.data))

    def flatten(self, name: str, x: Value) -> Value:
        made = self._graph.node("Flatten", name, [x.name], axis=1)
        return Value(made, x.data.reshape(len(x.data), -1))

    def output(self, name: str, x: Value) -> None:
        self._graph.output(name, x.name, (self._batch, *x.data.shape[1:]))

    def save(self, path: Path) -> None:
        self._graph.save(path)


def _scaled(weight: IntArray, row_scale: FloatArray) -> npt.NDArray[np.float32]:
    """Integer weights times one scale per row, rounded once to float32."""
    shape = (-1,) + (1,) * (weight.ndim - 1)
    scaled = weight * row_scale.reshape(shape)
    return scaled.astype(np.float32)


def _affine(y: FloatArray, moments: _Moments) -> FloatArray:
    shape = (1, -1, 1, 1)
    return exact.to_grid(y * moments.scale.reshape(shape) + moments.shift.reshape(shape))
