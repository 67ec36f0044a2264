"""The networks by name, with the parameter counts published for them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from zoo.densenet import densenet121
from zoo.mobilenet import mobilenet_v1, mobilenet_v2
from zoo.network import Network, Options
from zoo.resnet import resnet_cifar, resnet_imagenet
from zoo.sequence import Lstm, SequenceNetwork, Transformer, lstm, transformer
from zoo.vgg import VGG16, VGG19, alexnet, minivgg, mlp, vgg
from zoo.yolo import yolov4_tiny


@dataclass(frozen=True)
class Entry:
    build: Callable[[Network], None]
    published_millions: float | None  # None: no published count for this exact form


CATALOGUE: dict[str, Entry] = {
    "mobilenet-v1": Entry(mobilenet_v1, 4.23),
    "mobilenet-v2": Entry(mobilenet_v2, 3.50),
    "resnet44-cifar": Entry(partial(resnet_cifar, depth=44), 0.66),
    "resnet404-cifar": Entry(partial(resnet_cifar, depth=404), None),
    "minivgg": Entry(minivgg, None),
    "alexnet": Entry(alexnet, 61.10),
    "vgg16": Entry(partial(vgg, plan=VGG16), 138.36),
    "vgg19": Entry(partial(vgg, plan=VGG19), 143.67),
    "resnet50": Entry(partial(resnet_imagenet, blocks=(3, 4, 6, 3)), 25.56),
    "resnet152": Entry(partial(resnet_imagenet, blocks=(3, 8, 36, 3)), 60.19),
    "densenet121": Entry(densenet121, 7.98),
    "yolov4-tiny": Entry(yolov4_tiny, 6.06),
    "mlp": Entry(mlp, None),
}

# SOTER's Transformer, one of the same form that is quick to run, and an LSTM.
LARGE = Transformer(layers=24, width=1024, heads=8, hidden=2048)
SMALL = Transformer(layers=2, width=128, heads=4, hidden=256, classes=100, activation="gelu")
# SOTER's proportions at other widths, shallow enough to run the whole sweep over its share of public
# operators on a laptop.
WIDTHS = (128, 256, 512, 1024)


def of_width(width: int) -> Transformer:
    return Transformer(layers=4, width=width, heads=8, hidden=2 * width)


RECURRENT = Lstm(steps=32, features=128, hidden=256, layers=2)

SEQUENCES: dict[str, Callable[[SequenceNetwork], None]] = {
    "transformer": partial(transformer, shape=LARGE),
    "transformer-small": partial(transformer, shape=SMALL),
    **{f"transformer-d{d}": partial(transformer, shape=of_width(d)) for d in WIDTHS},
    "lstm": partial(lstm, shape=RECURRENT),
}

# Networks of which a public network could be the convolutions under another dense tail: the others
# have no convolution, or no dense layer.
BACKBONES = [name for name in CATALOGUE if name not in ("mlp", "yolov4-tiny")]

NAMES = [*CATALOGUE, *SEQUENCES]


def build(name: str, options: Options) -> Network | SequenceNetwork:
    if name in SEQUENCES:
        sequence = SequenceNetwork(name, options)
        SEQUENCES[name](sequence)
        return sequence
    net = Network(name, options)
    CATALOGUE[name].build(net)
    return net
