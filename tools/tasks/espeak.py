"""espeak-ng speaks."""

import shutil
import subprocess

import numpy as np
import numpy.typing as npt

RATE = 16000
ESPEAK_RATE, WAVE_HEADER = 22050, 44
MIDDLE_PITCH = 50


def say(sentence: str, voice: str, speed: int, pitch: int = MIDDLE_PITCH) -> npt.NDArray[np.float32]:
    """16-bit sound at RATE as floats; speed in words a minute, pitch from 0 to 99."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        raise FileNotFoundError("no espeak-ng; install the package of this name")
    command = [espeak, "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", sentence]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    sound = np.frombuffer(spoken[WAVE_HEADER:], "<i2").astype(np.float32)
    count = int(len(sound) * RATE / ESPEAK_RATE)
    at = np.arange(count) * (ESPEAK_RATE / RATE)
    return np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
