"""MobileNetV1 (Howard et al., 2017) and MobileNetV2 (Sandler et al., 2018), width 1, 224x224."""

from zoo.network import BRANCH_GAMMA, GAMMA, Network, Value

# Output channels and stride of each depthwise-separable pair of MobileNetV1.
V1_PAIRS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
V1_PAIRS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]

# Expansion, output channels, repeats and first stride of each stage of MobileNetV2.
V2_STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def _head(net: Network, x: Value) -> None:
    pooled = net.flatten("flatten", net.global_average_pool("pool", x))
    net.output("logits", net.classifier("classifier", pooled, 1000))


def mobilenet_v1(net: Network) -> None:
    x = net.input(3, 224, count=4)
    x = net.relu(net.conv("stem", x, 32, 3, stride=2))
    for index, (channels, stride) in enumerate(V1_PAIRS):
        depthwise = f"pair{index}.depthwise"
        x = net.relu(net.conv(depthwise, x, x.channels, 3, stride=stride, groups=x.channels))
        x = net.relu(net.conv(f"pair{index}.pointwise", x, channels, 1))
    _head(net, x)


def _inverted_residual(
    net: Network, name: str, x: Value, expansion: int, channels: int, stride: int
) -> Value:
    hidden = x.channels * expansion
    y = x if expansion == 1 else net.relu6(net.conv(f"{name}.expand", x, hidden, 1))
    y = net.relu6(net.conv(f"{name}.depthwise", y, hidden, 3, stride=stride, groups=hidden))
    residual = stride == 1 and x.channels == channels
    gamma = BRANCH_GAMMA if residual else GAMMA
    y = net.conv(f"{name}.project", y, channels, 1, gamma=gamma)
    return net.add(f"{name}.add", x, y) if residual else y


def mobilenet_v2(net: Network) -> None:
    x = net.input(3, 224, count=4)
    x = net.relu6(net.conv("stem", x, 32, 3, stride=2))
    for stage, (expansion, channels, repeats, first_stride) in enumerate(V2_STAGES):
        for block in range(repeats):
            stride = first_stride if block == 0 else 1
            x = _inverted_residual(net, f"stage{stage}.{block}", x, expansion, channels, stride)
    x = net.relu6(net.conv("last", x, 1280, 1))
    _head(net, x)
