"""Many views of one photograph: pieces at several scales, mirrored, lighter and darker."""

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatArray = npt.NDArray[np.float32]


def _resized(
    photo: FloatArray, box: tuple[float, float, float, float], size: tuple[int, int]
) -> FloatArray:
    """The box (left, top, right, bottom) as an image of size (width, height)."""
    channels = [
        np.asarray(Image.fromarray(photo[:, :, c]).resize(size, Image.Resampling.BILINEAR, box))
        for c in range(photo.shape[2])
    ]
    return np.stack(channels, axis=2)


def views(
    photo: FloatArray, count: int, seed: int, height: int, width: int, mirror: bool = True
) -> FloatArray:
    """[count, height, width, 3]; photo and result in [0, 1]."""
    draw = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        scale = draw.uniform(0.35, 1.0)
        fit = min(photo.shape[1] / width, photo.shape[0] / height) * scale
        left = draw.uniform(0, photo.shape[1] - width * fit)
        top = draw.uniform(0, photo.shape[0] - height * fit)
        view = _resized(photo, (left, top, left + width * fit, top + height * fit), (width, height))
        if mirror and draw.random() < 0.5:
            view = view[:, ::-1]
        contrast, light = draw.uniform(0.7, 1.2), draw.uniform(-0.15, 0.15)
        result.append(np.clip((view - 0.5) * contrast + 0.5 + light, 0, 1))
    return np.stack(result).astype(np.float32)


def whole(photo: FloatArray, height: int, width: int) -> FloatArray:
    """The whole photograph in the middle, its proportions kept, black around it."""
    fit = min(width / photo.shape[1], height / photo.shape[0])
    inner = round(photo.shape[0] * fit), round(photo.shape[1] * fit)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    result = np.zeros((height, width, 3), np.float32)
    full = (0.0, 0.0, float(photo.shape[1]), float(photo.shape[0]))
    result[top : top + inner[0], left : left + inner[1]] = _resized(photo, full, inner[::-1])
    return np.clip(result, 0, 1)
