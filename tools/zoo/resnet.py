"""Residual networks (He et al., 2015): basic blocks for CIFAR, bottlenecks for ImageNet."""

from zoo.network import BRANCH_GAMMA, Network, Value


def _basic_block(net: Network, name: str, x: Value, channels: int, stride: int) -> Value:
    y = net.relu(net.conv(f"{name}.conv1", x, channels, 3, stride=stride))
    y = net.conv(f"{name}.conv2", y, channels, 3, gamma=BRANCH_GAMMA)
    if stride != 1 or x.channels != channels:
        x = net.conv(f"{name}.shortcut", x, channels, 1, stride=stride)
    return net.relu(net.add(f"{name}.add", x, y))


def resnet_cifar(net: Network, depth: int) -> None:
    """Depth 6n+2: three stages of n basic blocks on 32x32 inputs, 1x1 projections as shortcuts."""
    blocks, remainder = divmod(depth - 2, 6)
    if remainder:
        raise ValueError(f"a CIFAR ResNet has 6n+2 layers, not {depth}")
    x = net.input(3, 32, count=16)
    x = net.relu(net.conv("stem", x, 16, 3))
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _basic_block(net, f"stage{stage}.{block}", x, channels, stride)
    pooled = net.flatten("flatten", net.global_average_pool("pool", x))
    net.output("logits", net.classifier("classifier", pooled, 10))


def _bottleneck(net: Network, name: str, x: Value, width: int, stride: int) -> Value:
    """Version 1.5: the stride is on the 3x3 convolution."""
    y = net.relu(net.conv(f"{name}.conv1", x, width, 1))
    y = net.relu(net.conv(f"{name}.conv2", y, width, 3, stride=stride))
    y = net.conv(f"{name}.conv3", y, 4 * width, 1, gamma=BRANCH_GAMMA)
    if stride != 1 or x.channels != 4 * width:
        x = net.conv(f"{name}.shortcut", x, 4 * width, 1, stride=stride)
    return net.relu(net.add(f"{name}.add", x, y))


def resnet_imagenet(net: Network, blocks: tuple[int, int, int, int]) -> None:
    x = net.input(3, 224, count=4)
    x = net.relu(net.conv("stem", x, 64, 7, stride=2))
    x = net.max_pool("stem.pool", x, 3, 2, pad=1)
    for stage, repeats in enumerate(blocks):
        for block in range(repeats):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(net, f"stage{stage}.{block}", x, 64 << stage, stride)
    pooled = net.flatten("flatten", net.global_average_pool("pool", x))
    net.output("logits", net.classifier("classifier", pooled, 1000))
