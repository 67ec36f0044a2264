"""Recordings for Silero VAD: test sounds of Debian's alsa-utils, eight spoken words and a noise.

The network hears 32 ms at 16 kHz with the 4 ms before them, and hands its state to the next piece.
"""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

SOUNDS = Path("/usr/share/sounds/alsa")
NOISE = "Noise.wav"
RATE = 16000
PIECE, CONTEXT, STATE = 512, 64, 256
SPEECH = 0.5


def files() -> list[Path]:
    found = sorted(SOUNDS.glob("*.wav"))
    if not found:
        raise FileNotFoundError(f"no recordings in {SOUNDS}; install alsa-utils")
    return found


def _read(path: Path) -> FloatArray:
    with wave.open(str(path)) as sound:
        step, rest = divmod(sound.getframerate(), RATE)
        if rest != 0 or sound.getsampwidth() != 2 or sound.getnchannels() != 1:
            raise ValueError(f"{path} is not 16-bit mono at a multiple of {RATE} Hz")
        frames = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    whole = frames[: len(frames) // step * step].reshape(-1, step)
    return (whole.mean(axis=1) / 32768).astype(np.float32)


def _pieces(path: Path, skip: int) -> list[FloatArray]:
    sound = np.concatenate([np.zeros(CONTEXT, np.float32), _read(path)[skip:]])
    starts = range(0, len(sound) - CONTEXT - PIECE + 1, PIECE)
    return [sound[start : start + CONTEXT + PIECE] for start in starts]


def samples(
    run: Callable[[FloatArray, FloatArray], FloatArray], skip: int, gain: float
) -> FloatArray:
    """One row per piece: the sound, then the state that `run` left behind the piece before."""
    rows = []
    for path in files():
        state = np.zeros(STATE, np.float32)
        for piece in _pieces(path, skip):
            rows.append(np.concatenate([piece * np.float32(gain), state]))
            state = run(rows[-1][: CONTEXT + PIECE], state)
    return np.stack(rows)


def judge(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    """Of samples(run, 0, 1.0): the first output is the probability of speech."""
    ends = np.cumsum([len(_pieces(path, 0)) for path in files()])
    heard = [(output[0].ravel() > SPEECH) for output in (ours, theirs)]
    by_file = [bool(part.any()) for part in np.split(heard[0], ends[:-1])]
    right = [found == (path.name != NOISE) for found, path in zip(by_file, files(), strict=True)]
    return {
        "pieces": len(heard[0]),
        "same_pieces": int((heard[0] == heard[1]).sum()),
        "files": len(right),
        "right_files": sum(right),
    }
