"""The networks that tools/train/victims.py trains, written so that PyTorch exports plain operators."""

import math

import torch
from torch import nn


class Mlp(nn.Module):
    """x [batch, 784]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Lstm(nn.Module):
    """x [batch, frames, 24]; what the last frame leaves in the state is judged."""

    WIDTH = 64

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(24, self.WIDTH, num_layers=2, batch_first=True, dropout=0.4)
        self.head = nn.Linear(self.WIDTH, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self, length: int, width: int, heads: int) -> None:
        super().__init__()
        self.split, self.merged = (-1, length, heads, width // heads), (-1, length, width)
        self.scale = 1 / math.sqrt(width // heads)
        self.query, self.key, self.value, self.joined = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def split(y: torch.Tensor) -> torch.Tensor:
            return y.reshape(self.split).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = (query @ key.transpose(2, 3) * self.scale).softmax(3)
        return self.joined((scores @ value).transpose(1, 2).reshape(self.merged))


class EncoderLayer(nn.Module):
    """Normalisation in front of each half (Xiong et al., 2020)."""

    def __init__(self, length: int, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.LayerNorm(width), Attention(length, width, heads), nn.Dropout(0.1)
        )
        self.dense = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width), nn.Dropout(0.1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(x)
        return x + self.dense(x)


class Transformer(nn.Module):
    """x [batch, 16, 27]: rows with a one for the letter that stands there."""

    LENGTH, WIDTH, HEADS, HIDDEN, LAYERS = 16, 64, 4, 128, 2

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.letters = nn.Linear(27, self.WIDTH)
        self.positions = nn.Parameter(torch.randn(self.LENGTH, self.WIDTH) * 0.5)
        self.layers = nn.Sequential(
            *(EncoderLayer(self.LENGTH, self.WIDTH, self.HEADS, self.HIDDEN) for _ in range(self.LAYERS))
        )
        self.head = nn.Sequential(nn.LayerNorm(self.WIDTH), nn.Linear(self.WIDTH, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.letters(x) + self.positions).mean(1))
