"""Spoken words for openWakeWord: espeak-ng says them, the project's own networks hear them.

Sound becomes mel bands (one network), 76 frames of these an embedding (another), and 16 embeddings
a score (the third). The first runs in ONNX Runtime, outside what is protected.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from tasks.espeak import RATE, say

FloatArray = npt.NDArray[np.float32]

FRAMES, FRAME_STEP, EMBEDDINGS = 76, 8, 16
WORD = "hey raspy"
OTHERS = ("good morning everybody", "the quick brown fox jumps over the lazy dog")
# Nobody who is heard in calibration speaks in the samples.
CALIBRATION_VOICES = ("en-us", "en", "en-gb-x-rp")
SAMPLE_VOICES = ("en-gb-x-gbclan", "en-gb-scotland", "en-029")
SPEEDS = (120, 150)
DETECTED = 0.5


@dataclass(frozen=True)
class Ears:
    """The networks that stand before the one under test."""

    mel: ort.InferenceSession
    embedding: ort.InferenceSession

    def windows(self, sound: FloatArray) -> FloatArray:
        """[window, 76, 32, 1]: mel bands as the embedding reads them."""
        bands = self.mel.run(None, {"input": sound[None]})[0].squeeze() / 10 + 2
        starts = range(0, len(bands) - FRAMES + 1, FRAME_STEP)
        stacked = np.stack([bands[start : start + FRAMES] for start in starts])
        return stacked[..., None].astype(np.float32)

    def embeddings(self, sound: FloatArray) -> FloatArray:
        """[run, 16, 96]: every run of 16 embeddings."""
        heard = self.embedding.run(None, {"input_1": self.windows(sound)})[0].reshape(-1, 96)
        runs = range(len(heard) - EMBEDDINGS + 1)
        return np.stack([heard[start : start + EMBEDDINGS] for start in runs])


def in_silence(sound: FloatArray) -> FloatArray:
    """A second of silence on either side."""
    silence = np.zeros(RATE, np.float32)
    return np.concatenate([silence, sound, silence])


def sounds(voices: tuple[str, ...]) -> list[FloatArray]:
    return [
        in_silence(say(sentence, voice, speed))
        for voice in voices
        for sentence in (WORD, *OTHERS)
        for speed in SPEEDS
    ]


def load(folder: Path) -> Ears:
    return Ears(
        ort.InferenceSession(folder / "wakeword-mel.onnx"),
        ort.InferenceSession(folder / "wakeword-embedding.onnx"),
    )


def judge(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    heard = [output[0].ravel() > DETECTED for output in (ours, theirs)]
    return {
        "moments": len(heard[0]),
        "same_moments": int((heard[0] == heard[1]).sum()),
        "detections": int(heard[1].sum()),
    }
