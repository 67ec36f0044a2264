#!/usr/bin/env python3
"""Trains the small networks whose accuracy docs/results/accuracy.md states: victims.py NAME -o DIR [--data DIR]

  mlp          kinds of clothes (Fashion-MNIST, Debian dataset-fashion-mnist)
  lstm         spoken commands (espeak-ng, in noise)
  transformer  the language of a word (Debian's word lists)

Seeded, one thread, minutes each. Writes DIR/NAME.onnx and DIR/NAME.log: what made it, the loss of every epoch and
the accuracy on test samples. The same versions on the same processor give the same bytes. Needs PyTorch (Debian:
python3-torch), and a network for a first call (--data keeps what was fetched).
"""

import argparse
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from networks import Lstm, Mlp, Transformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tasks.clothes import CLOTHES  # noqa: E402
from tasks.commands import COMMANDS  # noqa: E402
from tasks.languages import LANGUAGES  # noqa: E402
from tasks.task import Samples, Task  # noqa: E402


@dataclass(frozen=True)
class Recipe:
    task: Task
    network: type[nn.Module]
    epochs: int
    rate: float  # the highest of the schedule
    batch: int = 128
    dynamic: bool = True  # a batch of any size


RECIPES = {
    "mlp": Recipe(CLOTHES, Mlp, 20, 2e-3),
    "lstm": Recipe(COMMANDS, Lstm, 15, 5e-3, dynamic=False),
    "transformer": Recipe(LANGUAGES, Transformer, 12, 3e-3, 256, dynamic=False),
}
OPSET = 17
SEED = 1


def accuracy(network: nn.Module, samples: Samples) -> float:
    network.eval()
    with torch.no_grad():
        parts = [network(x).argmax(1) for x in torch.from_numpy(samples.inputs).split(500)]
    return float(np.mean(torch.cat(parts).numpy() == samples.labels))


def train(network: nn.Module, recipe: Recipe, samples: Samples, epochs: int) -> list[float]:
    """The mean loss of every epoch."""
    inputs, labels = torch.from_numpy(samples.inputs), torch.from_numpy(samples.labels)
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    steps = epochs * ((len(labels) + recipe.batch - 1) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=recipe.rate, total_steps=steps)
    loss_of, losses = nn.CrossEntropyLoss(), []
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for chosen in torch.randperm(len(labels), generator=generator).split(recipe.batch):
            loss = loss_of(network(inputs[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(labels))
        print(f"epoch {epoch + 1} of {epochs}: loss {losses[-1]:.4f}", file=sys.stderr, flush=True)
    return losses


def export(network: nn.Module, recipe: Recipe, path: Path) -> None:
    network.eval()
    names = {"input_names": ["input"], "output_names": ["logits"]}
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}} if recipe.dynamic else None
    example = torch.zeros(1, *recipe.task.shape)
    torch.onnx.export(network, example, str(path), opset_version=OPSET, dynamic_axes=axes, **names)


def make(name: str, data: Path, out: Path, epochs: int) -> None:
    recipe = RECIPES[name]
    train_samples, test_samples = (recipe.task.load(part, data) for part in ("train", "test"))
    torch.manual_seed(SEED)
    network = recipe.network(len(recipe.task.classes))
    losses = train(network, recipe, train_samples, epochs)
    export(network, recipe, out / f"{name}.onnx")
    right = accuracy(network, test_samples)
    lines = [
        f"tools/train/victims.py {name} --epochs {epochs} (seed {SEED}, batch {recipe.batch}, rate {recipe.rate})",
        f"PyTorch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
        f"parameters: {sum(p.numel() for p in network.parameters())}",
        f"training samples: {len(train_samples.labels)}; test samples: {len(test_samples.labels)}",
        *(f"epoch {epoch}: loss {loss:.4f}" for epoch, loss in enumerate(losses, 1)),
        f"accuracy on training samples: {100 * accuracy(network, train_samples):.2f} %",
        f"accuracy on test samples: {100 * right:.2f} %",
    ]
    (out / f"{name}.log").write_text("\n".join(lines) + "\n")
    print(lines[-1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: forgotten afterwards")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        epochs = options.epochs or RECIPES[options.name].epochs
        make(options.name, options.data or Path(scratch), options.output, epochs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
