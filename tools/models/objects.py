"""TFLite models that look at pictures: what they are shown and how their answers are judged."""

import numpy as np
import numpy.typing as npt
from augment import views

FloatArray = npt.NDArray[np.float32]

LEAST_SCORE = 0.5
FACE_COUNT = 100  # of the labelled pictures the first ones are faces, as many others follow
FACE_CORNER = (slice(0, 250), slice(100, 350))  # of the astronaut's photograph
CLASS_COUNT = 24  # of the detector; the first is the background


def _for_cascade(pictures: FloatArray) -> FloatArray:
    """[N,H,W,3] in [0,1] as RNet and ONet want it: pixels about zero, height and width swapped."""
    return np.ascontiguousarray((pictures * 255 - 127.5).transpose(0, 2, 1, 3) / 128)


def face_pictures(labelled: FloatArray, size: int) -> FloatArray:
    """The grey 25x25 pictures of scikit-image's subset of LFW."""
    from PIL import Image

    resized = [
        np.asarray(
            Image.fromarray(np.uint8(picture * 255)).resize(
                (size, size), Image.Resampling.BILINEAR
            ),
            np.float32,
        )
        for picture in labelled
    ]
    return _for_cascade(np.repeat(np.stack(resized)[..., None] / np.float32(255), 3, axis=3))


def face_calibration(photo: FloatArray, size: int) -> FloatArray:
    """Pieces of one photograph, half of them about its face, grey."""
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2).astype(np.float32)
    return _for_cascade(
        np.concatenate(
            [views(grey, 48, 1, size, size), views(grey[FACE_CORNER], 48, 2, size, size)]
        )
    )


def judge_faces(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    found, expected = (outputs[0][:, 1] > LEAST_SCORE for outputs in (ours, theirs))
    truth = np.arange(len(found)) < FACE_COUNT
    return {
        "labelled": len(found),
        "right": int(np.sum(found == truth)),
        "peer_right": int(np.sum(expected == truth)),
        "same_labelled": int(np.sum(found == expected)),
    }


def _seen(logits: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The best class of every anchor, and whether it is seen there."""
    scores = 1 / (1 + np.exp(-logits.reshape(len(logits), -1, CLASS_COUNT)[..., 1:]))
    return scores.argmax(2), scores.max(2) > LEAST_SCORE


def judge_objects(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    (our_class, our_seen), (class_, seen) = _seen(ours[1]), _seen(theirs[1])
    agreed = our_seen & seen & (our_class == class_)
    same = [set(our_class[i][our_seen[i]]) == set(class_[i][seen[i]]) for i in range(len(class_))]
    return {
        "anchors": int(np.sum(our_seen | seen)),
        "same_anchors": int(np.sum(agreed)),
        "views": len(same),
        "same_views": int(np.sum(same)),
    }


def judge_thing(ours: list[FloatArray], theirs: list[FloatArray]) -> dict[str, float]:
    found, expected = (outputs[1].ravel() > LEAST_SCORE for outputs in (ours, theirs))
    return {
        "things": len(found),
        "things_seen": int(np.sum(expected)),
        "same_things": int(np.sum(found == expected)),
        # Corners of a box, in pixels of the 224x224 input.
        "corner_shift": float(np.abs(ours[0] - theirs[0]).max()),
    }
