"""DenseNet121 (Huang et al., 2017), growth 32, 224x224."""

from zoo.network import Network, Norm, Value

GROWTH = 32
LAYERS = (6, 12, 24, 16)


def _dense_layer(net: Network, name: str, x: Value) -> Value:
    y = net.relu(net.batch_norm(f"{name}.norm", x))
    y = net.relu(net.conv(f"{name}.conv1", y, 4 * GROWTH, 1))
    return net.conv(f"{name}.conv2", y, GROWTH, 3, norm=Norm.NONE)


def _transition(net: Network, name: str, x: Value) -> Value:
    y = net.relu(net.batch_norm(f"{name}.norm", x))
    y = net.conv(f"{name}.conv", y, x.channels // 2, 1, norm=Norm.NONE)
    return net.average_pool(f"{name}.pool", y, 2)


def densenet121(net: Network) -> None:
    x = net.input(3, 224, count=4)
    x = net.relu(net.conv("stem", x, 64, 7, stride=2))
    x = net.max_pool("stem.pool", x, 3, 2, pad=1)
    for block, layers in enumerate(LAYERS):
        for layer in range(layers):
            name = f"block{block}.layer{layer}"
            x = net.concat(f"{name}.concat", [x, _dense_layer(net, name, x)])
        if block + 1 < len(LAYERS):
            x = _transition(net, f"transition{block}", x)
    x = net.relu(net.batch_norm("last.norm", x))
    pooled = net.flatten("flatten", net.global_average_pool("pool", x))
    net.output("logits", net.classifier("classifier", pooled, 1000))
