"""Random numbers that are the same bits on every machine and with every version of numpy.

numpy promises a stable stream only for its bit generators, not for its distributions, and a normal
variate through log() or exp() depends on the C library. So only raw 64-bit words are used, with
integer arithmetic on top.
"""

import hashlib
import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

# A bell value is the sum of four 16-bit words, centred: nearly normal, at most 17 bits and a sign.
BELL_BITS = 17
BELL_MEAN = 4 * 65535 // 2
BELL_SIGMA = 65536 / math.sqrt(3.0)


class Draw:
    """One stream per (seed, name): adding a layer does not change the weights of the others."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        self._words = np.random.PCG64(int.from_bytes(digest[:16], "little"))

    def _raw(self, count: int) -> npt.NDArray[np.uint64]:
        return np.asarray(self._words.random_raw(count), dtype=np.uint64)

    def bell(self, shape: tuple[int, ...]) -> IntArray:
        """Integers with mean 0 and standard deviation BELL_SIGMA."""
        parts = self._raw(math.prod(shape)).view(np.uint16)
        total = parts[0::4].astype(np.int32)
        for lane in (1, 2, 3):
            total += parts[lane::4]
        total -= BELL_MEAN
        return total.reshape(shape)

    def uniform(self, count: int, low: float, high: float) -> FloatArray:
        unit = (self._raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * unit

    def integers(self, count: int, low: int, high: int) -> npt.NDArray[np.int64]:
        """Integers in [low, high)."""
        return np.floor(self.uniform(count, low, high)).astype(np.int64)
