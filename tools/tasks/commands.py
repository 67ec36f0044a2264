"""Which of twenty commands is spoken? espeak-ng says them in noise, nobody both in training and test.

The words are those of Speech Commands (Warden, 2018). A sample is FRAMES x BANDS: logarithms of mel
bands of almost a second, brought to mean 0 and deviation 1.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tasks.espeak import RATE, say
from tasks.task import Samples, Task

FloatArray = npt.NDArray[np.float32]

WORDS = (
    "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go",
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
# Accents and voices: a test speaker has an accent and a voice that training never heard.
SPEAKERS = {
    "train": (
        ("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd"),
        ("m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3", "Andy", "Mike"),
    ),
    "test": (("en-gb-scotland", "en-029"), ("m6", "m7", "f4", "f5", "Michael")),
}
# Words a minute and pitch of everything a speaker says.
MANNERS = {
    "train": ((130, 40), (160, 50), (190, 60)),
    "test": ((125, 45), (140, 60), (155, 40), (170, 55), (185, 50)),
}
NOISES = {"train": 4, "test": 1}  # in which each spoken word is heard
SEEDS = {"train": 1, "test": 2}
LOUDEST_NOISE, QUIETEST_NOISE = 0.0, 15.0  # decibels below the word

FRAMES, BANDS = 48, 24
WINDOW, STEP, TRANSFORM = 400, 320, 512
LOWEST, HIGHEST = 100.0, 7600.0  # Hertz
SAMPLES = (FRAMES - 1) * STEP + WINDOW
FLOOR = 1e-3  # of the mean band


def mel_filters() -> FloatArray:
    """[bin, band]: triangles of equal width on the mel scale (O'Shaughnessy, 1987)."""
    ends = 2595 * np.log10(1 + np.array([LOWEST, HIGHEST]) / 700)
    edges = 700 * (10 ** (np.linspace(*ends, BANDS + 2) / 2595) - 1)
    bins = np.arange(TRANSFORM // 2 + 1)[:, None] * (RATE / TRANSFORM)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def features(sound: FloatArray) -> FloatArray:
    """sound [SAMPLES] -> [FRAMES, BANDS]."""
    starts = np.arange(FRAMES)[:, None] * STEP
    pieces = sound[starts + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(pieces, TRANSFORM)) ** 2
    bands = power @ mel_filters()
    logarithms = np.log(bands + FLOOR * bands.mean())
    return ((logarithms - logarithms.mean()) / logarithms.std()).astype(np.float32)


def heard(word: FloatArray, draw: np.random.Generator) -> FloatArray:
    """The word somewhere in SAMPLES of noise; what does not fit is cut off."""
    word = word[:SAMPLES]
    start = int(draw.integers(0, SAMPLES - len(word) + 1))
    decibels = draw.uniform(LOUDEST_NOISE, QUIETEST_NOISE)
    loudness = np.sqrt(np.mean(word**2)) * 10 ** (-decibels / 20)
    sound = draw.standard_normal(SAMPLES).astype(np.float32) * np.float32(loudness)
    sound[start : start + len(word)] += word
    return sound


def _spoken(part: str) -> list[FloatArray]:
    sentences = [
        (word, f"{accent}+{voice}", speed, pitch)
        for word in WORDS
        for accent, voice in itertools.product(*SPEAKERS[part])
        for speed, pitch in MANNERS[part]
    ]
    with ThreadPoolExecutor(2) as pool:  # espeak-ng is a process of its own
        return list(pool.map(lambda sentence: say(*sentence), sentences))


def load(part: str, folder: Path) -> Samples:
    file = folder / f"commands-{part}.npy"
    if not file.exists():
        draw = np.random.default_rng(SEEDS[part])
        mixed = (heard(word, draw) for word in _spoken(part) for _ in range(NOISES[part]))
        inputs = np.stack([features(sound) for sound in mixed])
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, inputs)
    inputs = np.load(file)
    labels = np.repeat(np.arange(len(WORDS)), len(inputs) // len(WORDS))
    return Samples(inputs, labels.astype(np.int64))


COMMANDS = Task(WORDS, (FRAMES, BANDS), load)
