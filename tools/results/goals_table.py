"""The table of goals, from what goals.py measured. What a goal is compared with is one function of the cells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Document = dict[str, object]
Row = list[str]


@dataclass
class Goal:
    """`value` of the cells is to be at most `limit`, or at least where `least` is set."""

    what: str
    network: str
    limit: float
    cell: str  # whose command measures it
    value: Callable[[Document, Document], float]  # of this cell and of all
    least: bool = False


def ratio(cell: Document, _: Document) -> float:
    return cell["ratio"]


def peer_ratio(name: str) -> Callable[[Document, Document], float]:
    return lambda cell, _: next(peer["ratio"] for peer in cell["peers"] if peer["name"] == name)


def fastest_int8(cell: Document, _: Document) -> float:
    return max(peer["ratio"] for peer in cell["peers"] if peer["precision"] == "int8")


def to_plain(cell: Document) -> float:
    return peer_ratio("plain")(cell, cell)


def inside_share(cell: Document, _: Document) -> float:
    return cell["inside_ms"] / (cell["inside_ms"] + cell["outside_ms"])


def to_shadownet(cell: Document, cells: Document) -> float:
    network = next(key.split("/")[0] for key, other in cells.items() if other is cell)
    return to_plain(cell) / to_plain(cells[f"{network}/shadownet"])


def sustained(cell: Document, _: Document) -> float:
    return cell["burst"]["p50_ms"] / cell["sustained_background"]["p50_ms"]


def throughput(cell: Document, _: Document) -> float:
    return cell["in_flight"][-1]["ratio"]


def per_layer(cell: Document, cells: Document) -> float:
    """Milliseconds per layer of ResNet-404 to those of ResNet-44."""
    return cell["burst"]["p50_ms"] / 404 / (cells["resnet44-cifar/shadownet"]["burst"]["p50_ms"] / 44)


def memory_mib(cell: Document, _: Document) -> float:
    return cell["secure_memory_peak_bytes"] / 2**20


def to_int8(cell: Document, _: Document) -> float:
    return cell["Residues"] / cell["Int8"]


CHECKED = "`shadownet` 1.2, pads, freivalds, to float32"
CHECKED_LIMITS = {"resnet50": 0.75, "vgg16": 0.33, "mobilenet-v1": 0.90, "densenet121": 0.95, "mobilenet-v2": 1.0}
ENCLAVE_LIMITS = {"resnet50": 0.38, "vgg16": 0.40, "mobilenet-v1": 0.45}
AVX2_LIMITS = {"resnet50": 2.0, "vgg16": 1.2, "mobilenet-v1": 2.0}
LEAST_RATIO = 0.85  # of the limit above
SHARE = "the trusted half's share of the time, no checks"


def goals() -> Iterator[Goal]:
    for network, limit in CHECKED_LIMITS.items():
        yield Goal(CHECKED, network, limit, "shadownet", ratio)
    for network, limit in CHECKED_LIMITS.items():
        yield Goal("the same at ratio 1", network, LEAST_RATIO * limit, "ratio 1", ratio)
    for network, limit in CHECKED_LIMITS.items():
        yield Goal("`slalom`, pads, freivalds, to float32", network, LEAST_RATIO * limit, "slalom", ratio)
    for network in CHECKED_LIMITS:
        yield Goal("`slalom` to `shadownet`", network, 1.0, "slalom", to_shadownet)
    for network, limit in ENCLAVE_LIMITS.items():
        yield Goal("`enclave` to float32", network, limit, "enclave", ratio)
    for network, limit in AVX2_LIMITS.items():
        yield Goal("`shadownet` 1.2, pads, freivalds, AVX2 only, to float32", network, limit, "avx2", ratio)
    for network, limit in {"resnet50": 0.20, "vgg16": 0.10}.items():
        yield Goal("`shadownet`, computed by `oracle`, to float32", network, limit, "oracle", ratio)
    for network in ("resnet50", "vgg16"):
        yield Goal("`enclave` with its weights inside, to int8", network, 1.3, "enclave, weights inside", fastest_int8)
    for network in ("resnet50", "vgg16"):
        yield Goal("rate with pads made meanwhile, to that with pads ready", network, 0.5, "two in flight", sustained, least=True)
        yield Goal("two requests in flight, to one", network, 1.6, "two in flight", throughput, least=True)
    for network in ("resnet50", "vgg16"):
        yield Goal(SHARE, network, 0.20, "unchecked", inside_share)
    for network in CHECKED_LIMITS:
        yield Goal("secure memory at its peak, MiB", network, 12, "shadownet", memory_mib)
    yield Goal("time per layer, to ResNet-44's", "resnet404-cifar", 1.0, "shadownet", per_layer)
    yield Goal("convolutions alone, three primes, to int8", "vgg16", 1.0, "convolutions", to_int8)


def details(cell: Document) -> str:
    if "burst" not in cell:
        return ""
    text = f"{cell['burst']['p50_ms']:.1f} ms"
    if cell.get("peer"):
        text += f"; {cell['peer']['name']} {cell['peer']['p50_ms']:.1f} ms"
    return text + f"; inside {cell['inside_ms']:.1f}, outside {cell['outside_ms']:.1f} ms"


def goals_table(document: Document) -> Iterator[Row]:
    yield ["goal", "network", "limit", "measured", "reached", "medians; inside and outside of the last inference"]
    cells = document["cells"]
    for goal in goals():
        cell = cells.get(f"{goal.network}/{goal.cell}")
        if cell is None:
            continue
        value = goal.value(cell, cells)
        reached = value >= goal.limit if goal.least else value <= goal.limit
        limit = f"{'>=' if goal.least else '<='} {goal.limit:.2f}"
        yield [goal.what, goal.network, limit, f"{value:.2f}", "**yes**" if reached else "no", details(cell)]


def winograd_table(document: Document) -> Iterator[Row]:
    """The same inferences beside every float32 peer, oneDNN's Winograd forced among them."""
    yield ["network", "peer", "computes", "ms", "ratio of `shadownet` with freivalds"]
    for key, cell in document["cells"].items():
        if not key.endswith("/shadownet") or not cell.get("peers"):
            continue
        for peer in cell["peers"]:
            yield [key.split("/")[0], f"{peer['name']} ({peer['version']})", peer["includes"], f"{peer['p50_ms']:.1f}", f"{peer['ratio']:.2f}"]


def commands(document: Document) -> Iterator[Row]:
    yield ["cell", "command"]
    for key, cell in document["cells"].items():
        yield [key, f"`{cell['command']}`"]
