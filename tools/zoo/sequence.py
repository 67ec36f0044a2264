"""Networks over sequences: Transformers (Vaswani et al., 2017) and an LSTM (Hochreiter and
Schmidhuber, 1997), written as exporters of opset 13 write them.

Normalisation after every sum, and gates that saturate, keep activations in range at any depth, so
that weights of the usual scale need no calibration pass.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.draw import BELL_SIGMA, Draw
from zoo.emit import Graph
from zoo.network import EPSILON, LOGIT_SPREAD, Options


@dataclass(frozen=True)
class Transformer:
    layers: int  # of the encoder, and of the decoder
    width: int
    heads: int
    hidden: int
    source: int = 32
    target: int = 20
    classes: int = 1000
    activation: str = "relu"


@dataclass(frozen=True)
class Lstm:
    steps: int
    features: int
    hidden: int
    layers: int
    classes: int = 10


class SequenceNetwork:
    """One sample at a time: batches would have to be as long as each other anyway."""

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.parameter_count = 0
        self.mac_count = 0
        self._seed = options.seed
        self._graph = Graph(name)

    def save(self, path: Path) -> None:
        self._graph.save(path)

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        return self._graph.input(name, shape)

    def output(self, name: str, value: str, shape: tuple[int, ...]) -> None:
        self._graph.output(name, value, shape)

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        return self._graph.constant(name, values)

    def nodes(self, op: str, name: str, inputs: list[str], count: int, **more: Any) -> list[str]:
        return self._graph.nodes(op, name, inputs, count, **more)

    def node(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        return self._graph.node(op, name, inputs, **attributes)

    def weights(self, name: str, shape: tuple[int, ...], deviation: float) -> str:
        bell = Draw(self._seed, f"{self.name}/{name}").bell(shape)
        self.parameter_count += bell.size
        return self.constant(name, (bell * (deviation / BELL_SIGMA)).astype(np.float32))

    def spread(self, name: str, count: int, low: float, high: float) -> str:
        values = Draw(self._seed, f"{self.name}/{name}").uniform(count, low, high)
        self.parameter_count += count
        return self.constant(name, values.astype(np.float32))

    def gate_bias(self, name: str, hidden: int) -> str:
        """Both biases of an LSTM. Gates start open to the past, as training leaves them."""
        bias = Draw(self._seed, f"{self.name}/{name}").uniform(8 * hidden, -0.2, 0.2)
        bias[2 * hidden : 3 * hidden] += 1.0
        self.parameter_count += bias.size
        return self.constant(name, bias.reshape(1, -1).astype(np.float32))

    def scalar(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, dtype=np.float32))

    def integers(self, name: str, values: list[int]) -> str:
        return self.constant(name, np.array(values, dtype=np.int64))

    def dense(self, name: str, x: str, rows: int, sizes: tuple[int, int], gain: float = 1.0) -> str:
        """x [.., sizes[0]] of `rows` rows times weights, plus a bias."""
        weight = self.weights(f"{name}.weight", sizes, gain / math.sqrt(sizes[0]))
        bias = self.spread(f"{name}.bias", sizes[1], -0.2, 0.2)
        self.mac_count += rows * sizes[0] * sizes[1]
        product = self.node("MatMul", f"{name}.matmul", [x, weight])
        return self.node("Add", name, [product, bias])

    def layer_norm(self, name: str, x: str, width: int) -> str:
        mean = self.node("ReduceMean", f"{name}.mean", [x], axes=[-1], keepdims=1)
        centred = self.node("Sub", f"{name}.centred", [x, mean])
        two = self.scalar(f"{name}.two", 2.0)
        square = self.node("Pow", f"{name}.square", [centred, two])
        variance = self.node("ReduceMean", f"{name}.variance", [square], axes=[-1], keepdims=1)
        epsilon = self.scalar(f"{name}.epsilon", EPSILON)
        shifted = self.node("Add", f"{name}.shifted", [variance, epsilon])
        deviation = self.node("Sqrt", f"{name}.deviation", [shifted])
        normal = self.node("Div", f"{name}.normal", [centred, deviation])
        gamma = self.spread(f"{name}.gamma", width, 0.6, 1.4)
        beta = self.spread(f"{name}.beta", width, -0.3, 0.3)
        return self.node("Add", name, [self.node("Mul", f"{name}.scaled", [normal, gamma]), beta])

    def gelu(self, name: str, x: str) -> str:
        scaled = self.node("Div", f"{name}.scaled", [x, self.scalar(f"{name}.root", math.sqrt(2))])
        bend = self.node("Erf", f"{name}.erf", [scaled])
        lifted = self.node("Add", f"{name}.lifted", [bend, self.scalar(f"{name}.one", 1.0)])
        product = self.node("Mul", f"{name}.product", [x, lifted])
        return self.node("Mul", name, [product, self.scalar(f"{name}.half", 0.5)])


class _Stack:
    """The two halves of a Transformer."""

    def __init__(self, net: SequenceNetwork, shape: Transformer) -> None:
        self.net = net
        self.shape = shape

    def _heads(self, name: str, x: str, length: int, perm: list[int]) -> str:
        s = self.shape
        dense = self.net.dense(name, x, length, (s.width, s.width))
        sizes = self.net.integers(f"{name}.sizes", [1, length, s.heads, s.width // s.heads])
        split = self.net.node("Reshape", f"{name}.split", [dense, sizes])
        return self.net.node("Transpose", f"{name}.heads", [split], perm=perm)

    def attention(
        self, name: str, x: str, memory: str, lengths: tuple[int, int], causal: bool
    ) -> str:
        """x + attention of x to `memory`, normalised; lengths of x and of memory."""
        net, s = self.net, self.shape
        query = self._heads(f"{name}.query", x, lengths[0], [0, 2, 1, 3])
        key = self._heads(f"{name}.key", memory, lengths[1], [0, 2, 3, 1])
        value = self._heads(f"{name}.value", memory, lengths[1], [0, 2, 1, 3])
        net.mac_count += 2 * lengths[0] * lengths[1] * s.width
        scores = net.node("MatMul", f"{name}.scores", [query, key])
        root = net.scalar(f"{name}.root", math.sqrt(s.width // s.heads))
        scores = net.node("Div", f"{name}.scaled", [scores, root])
        if causal:
            future = np.triu(np.full(lengths, -np.inf, dtype=np.float32), 1)
            mask = net.constant(f"{name}.mask", future)
            scores = net.node("Add", f"{name}.masked", [scores, mask])
        weights = net.node("Softmax", f"{name}.softmax", [scores], axis=-1)
        mixed = net.node("MatMul", f"{name}.mixed", [weights, value])
        joined = net.node("Transpose", f"{name}.joined", [mixed], perm=[0, 2, 1, 3])
        sizes = net.integers(f"{name}.sizes", [1, lengths[0], s.width])
        merged = net.node("Reshape", f"{name}.merged", [joined, sizes])
        y = net.dense(f"{name}.out", merged, lengths[0], (s.width, s.width))
        return net.layer_norm(f"{name}.norm", net.node("Add", f"{name}.sum", [x, y]), s.width)

    def feed_forward(self, name: str, x: str, length: int) -> str:
        net, s = self.net, self.shape
        wide = net.dense(f"{name}.wide", x, length, (s.width, s.hidden), gain=1.4)
        if s.activation == "relu":
            bent = net.node("Relu", f"{name}.relu", [wide])
        else:
            bent = net.gelu(f"{name}.gelu", wide)
        y = net.dense(f"{name}.narrow", bent, length, (s.hidden, s.width))
        return net.layer_norm(f"{name}.norm", net.node("Add", f"{name}.sum", [x, y]), s.width)


def transformer(net: SequenceNetwork, shape: Transformer) -> None:
    """Inputs are embedded already: a table look-up by token belongs to whoever has the tokens."""
    source = net.input("source", (1, shape.source, shape.width))
    target = net.input("target", (1, shape.target, shape.width))
    stack = _Stack(net, shape)
    both = (shape.source, shape.source)
    for layer in range(shape.layers):
        name = f"encoder{layer}"
        source = stack.attention(f"{name}.self", source, source, both, causal=False)
        source = stack.feed_forward(f"{name}.ff", source, shape.source)
    own = (shape.target, shape.target)
    for layer in range(shape.layers):
        name = f"decoder{layer}"
        target = stack.attention(f"{name}.self", target, target, own, causal=True)
        across = (shape.target, shape.source)
        target = stack.attention(f"{name}.cross", target, source, across, causal=False)
        target = stack.feed_forward(f"{name}.ff", target, shape.target)
    sizes = (shape.width, shape.classes)
    logits = net.dense("classifier", target, shape.target, sizes, gain=LOGIT_SPREAD)
    net.output("logits", logits, (1, shape.target, shape.classes))


def lstm(net: SequenceNetwork, shape: Lstm) -> None:
    x = net.input("input", (shape.steps, 1, shape.features))
    features = shape.features
    state = ""
    for layer in range(shape.layers):
        name = f"lstm{layer}"
        rows = 4 * shape.hidden
        inputs = [
            x,
            net.weights(f"{name}.input", (1, rows, features), 1.5 / math.sqrt(features)),
            net.weights(
                f"{name}.recurrent", (1, rows, shape.hidden), 1.5 / math.sqrt(shape.hidden)
            ),
            net.gate_bias(f"{name}.bias", shape.hidden),
        ]
        net.mac_count += shape.steps * rows * (features + shape.hidden)
        outputs = net.nodes("LSTM", name, inputs, 2, hidden_size=shape.hidden)
        axis = net.integers(f"{name}.axis", [1])
        x = net.node("Squeeze", f"{name}.sequence", [outputs[0], axis])
        state = net.node(
            "Squeeze", f"{name}.state", [outputs[1], net.integers(f"{name}.first", [0])]
        )
        features = shape.hidden
    sizes = (shape.hidden, shape.classes)
    logits = net.dense("classifier", state, 1, sizes, gain=2.0 * LOGIT_SPREAD)
    net.output("logits", logits, (1, shape.classes))
