"""YOLOv4-tiny (Wang et al., 2021; layer list of the Darknet configuration), 416x416, 80 classes."""

from zoo.network import Network, Norm, Value

HEAD_CHANNELS = 3 * (4 + 1 + 80)  # anchors x (box, objectness, classes)


def _conv(net: Network, name: str, x: Value, channels: int, kernel: int, stride: int = 1) -> Value:
    return net.leaky_relu(net.conv(name, x, channels, kernel, stride=stride))


def _csp_block(net: Network, name: str, x: Value) -> tuple[Value, Value]:
    """Returns the pooled output and the 1x1 branch that the second head reads."""
    whole = _conv(net, f"{name}.conv0", x, x.channels, 3)
    half = net.second_half(f"{name}.split", whole)
    first = _conv(net, f"{name}.conv1", half, half.channels, 3)
    second = _conv(net, f"{name}.conv2", first, half.channels, 3)
    joined = net.concat(f"{name}.inner", [second, first])
    branch = _conv(net, f"{name}.conv3", joined, x.channels, 1)
    outer = net.concat(f"{name}.outer", [whole, branch])
    return net.max_pool(f"{name}.pool", outer, 2, 2), branch


def _head(net: Network, name: str, x: Value, channels: int) -> Value:
    y = _conv(net, f"{name}.conv0", x, channels, 3)
    return net.conv(f"{name}.conv1", y, HEAD_CHANNELS, 1, norm=Norm.BIAS)


def yolov4_tiny(net: Network) -> None:
    x = net.input(3, 416, count=2)
    x = _conv(net, "stem0", x, 32, 3, stride=2)
    x = _conv(net, "stem1", x, 64, 3, stride=2)
    branch = x
    for index in range(3):
        x, branch = _csp_block(net, f"csp{index}", x)
    x = _conv(net, "neck0", x, 512, 3)
    x = _conv(net, "neck1", x, 256, 1)
    net.output("coarse", _head(net, "head0", x, 512))
    x = net.upsample2("up", _conv(net, "neck2", x, 128, 1))
    x = net.concat("joined", [x, branch])
    net.output("fine", _head(net, "head1", x, 256))
