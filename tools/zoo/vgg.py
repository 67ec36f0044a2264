"""Plain networks: VGG16 and VGG19 (Simonyan and Zisserman, 2014), AlexNet (Krizhevsky, 2014, one
tower), MiniVGG, a VGG for CIFAR, and a multi-layer perceptron."""

from zoo.network import Network, Norm, Value

Plan = tuple[int, ...]  # convolutions per stage; a max-pool ends each stage
VGG16: Plan = (2, 2, 3, 3, 3)
VGG19: Plan = (2, 2, 4, 4, 4)


def _stages(net: Network, x: Value, plan: Plan, norm: Norm) -> Value:
    for stage, repeats in enumerate(plan):
        channels = min(64 << stage, 512)
        for index in range(repeats):
            name = f"stage{stage}.conv{index}"
            x = net.relu(net.conv(name, x, channels, 3, norm=norm))
        x = net.max_pool(f"stage{stage}.pool", x, 2, 2)
    return x


def _imagenet_head(net: Network, x: Value) -> None:
    """Dropout is identity at inference and left out."""
    x = net.flatten("flatten", x)
    x = net.relu(net.dense("dense1", x, 4096))
    x = net.relu(net.dense("dense2", x, 4096))
    net.output("logits", net.classifier("classifier", x, 1000))


def vgg(net: Network, plan: Plan) -> None:
    _imagenet_head(net, _stages(net, net.input(3, 224, count=4), plan, norm=Norm.BIAS))


def minivgg(net: Network) -> None:
    x = _stages(net, net.input(3, 32, count=16), (2, 2, 2), norm=Norm.BATCH)
    x = net.relu(net.dense("dense", net.flatten("flatten", x), 512))
    net.output("logits", net.classifier("classifier", x, 10))


def mlp(net: Network) -> None:
    """6400-4096-512-128-10 (SOTER): an 80x80 grey picture, flattened."""
    x = net.flatten("flatten", net.input(1, 80, count=16))
    for index, width in enumerate((4096, 512, 128)):
        x = net.relu(net.dense(f"dense{index}", x, width))
    net.output("logits", net.classifier("classifier", x, 10))


def alexnet(net: Network) -> None:
    x = net.input(3, 224, count=8)
    x = net.relu(net.conv("conv1", x, 64, 11, stride=4, pad=2, norm=Norm.BIAS))
    x = net.max_pool("pool1", x, 3, 2)
    x = net.relu(net.conv("conv2", x, 192, 5, norm=Norm.BIAS))
    x = net.max_pool("pool2", x, 3, 2)
    x = net.relu(net.conv("conv3", x, 384, 3, norm=Norm.BIAS))
    x = net.relu(net.conv("conv4", x, 256, 3, norm=Norm.BIAS))
    x = net.relu(net.conv("conv5", x, 256, 3, norm=Norm.BIAS))
    _imagenet_head(net, net.max_pool("pool5", x, 3, 2))
