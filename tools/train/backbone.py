#!/usr/bin/env python3
"""What a public backbone costs in accuracy: preset `ennclave` against the model it would replace.

Three networks of one architecture on CIFAR-10 images, all seeded, on the CPU:

  public    trained on the five classes of vehicles and farm animals: the network everybody has;
  original  trained on the other five classes, all layers: the model without eNNclave;
  victim    the public network's first blocks frozen, the rest trained on the other five classes: what the preset protects.

Writes DIR/public.onnx and, for each number of frozen blocks, DIR/victim-K.onnx for

  penumbra protect victim-K.onnx --preset ennclave --public-backbone public.onnx -o victim-K.penumbra

and prints the accuracies as JSON. Needs PyTorch (Debian: python3-torch, python3-pil) and an archive of JPEGs
<part>/<class>/<number>.jpg as tools/fetch/cifar_subset.py reads.
"""

import argparse
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

PUBLIC = ["airplane", "automobile", "horse", "ship", "truck"]
SECRET = ["bird", "cat", "deer", "dog", "frog"]
MEAN, STD = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
WIDTHS = [24, 48, 96, 128]
BATCH = 64


def load(archive: zipfile.ZipFile, part: str, classes: list[str], per_class: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = [], []
    for label, name in enumerate(classes):
        members = sorted(m for m in archive.namelist() if m.startswith(f"{part}/{name}/") and m.endswith(".jpg"))
        for member in members[:per_class]:
            picture = Image.open(io.BytesIO(archive.read(member))).convert("RGB")
            images.append((np.asarray(picture, dtype=np.float64) / 255 - MEAN) / STD)
            labels.append(label)
    pixels = np.stack(images).astype(np.float32).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(pixels)), torch.tensor(labels)


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [3, *WIDTHS]
        self.blocks = nn.Sequential(*(block(widths[i], widths[i + 1], 2) for i in range(len(WIDTHS))))
        self.head = nn.Linear(WIDTHS[-1], len(SECRET))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(x).mean((2, 3)))


def accuracy(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    network.eval()
    with torch.no_grad():
        right = sum((network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return 100 * right / len(labels)


def train(network: Network, images: torch.Tensor, labels: torch.Tensor, epochs: int, frozen: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.blocks[:frozen].parameters():
        parameter.requires_grad_(False)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = epochs * ((len(labels) + BATCH - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(epochs):
        network.train()
        network.blocks[:frozen].eval()  # frozen means their statistics, too
        total = 0.0
        for chosen in torch.randperm(len(labels), generator=generator).split(BATCH):
            x = images[chosen]
            if torch.rand(1, generator=generator).item() < 0.5:
                x = x.flip(3)
            dy, dx = torch.randint(0, 5, (2,), generator=generator).tolist()
            x = nn.functional.pad(x, (2, 2, 2, 2))[:, :, dy : dy + 32, dx : dx + 32]
            loss = loss_of(network(x), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(labels):.4f}", file=sys.stderr, flush=True)


def export(network: Network, path: Path) -> None:
    network.eval()
    torch.onnx.export(
        network, torch.zeros(1, 3, 32, 32), str(path), opset_version=13, input_names=["input"], output_names=["logits"]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="archive of train/<class>/<number>.jpg")
    parser.add_argument("test", type=Path, help="archive of test/<class>/<number>.jpg")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--per-class", type=int, default=5000, help="training images of each class")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with zipfile.ZipFile(arguments.train) as archive:
        public_data = load(archive, "train", PUBLIC, arguments.per_class)
        secret_data = load(archive, "train", SECRET, arguments.per_class)
    with zipfile.ZipFile(arguments.test) as archive:
        public_test = load(archive, "test", PUBLIC, arguments.per_class)
        secret_test = load(archive, "test", SECRET, arguments.per_class)

    torch.manual_seed(arguments.seed)
    public = Network()
    train(public, *public_data, arguments.epochs, 0, arguments.seed)
    export(public, arguments.output / "public.onnx")
    torch.manual_seed(arguments.seed + 1)
    original = Network()
    train(original, *secret_data, arguments.epochs, 0, arguments.seed)
    export(original, arguments.output / "original.onnx")
    results = {
        "epochs": arguments.epochs, "per_class": arguments.per_class, "seed": arguments.seed,
        "public": accuracy(public, *public_test), "original": accuracy(original, *secret_test), "victims": {},
    }  # fmt: skip
    for frozen in range(len(WIDTHS), 0, -1):
        torch.manual_seed(arguments.seed + 1)
        victim = Network()  # the layers behind the backbone start anew
        victim.blocks[:frozen].load_state_dict(public.blocks[:frozen].state_dict())
        train(victim, *secret_data, arguments.epochs, frozen, arguments.seed)
        export(victim, arguments.output / f"victim-{frozen}.onnx")
        results["victims"][str(frozen)] = accuracy(victim, *secret_test)
    print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
