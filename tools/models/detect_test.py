"""python -m unittest discover -s tools/models -p '*_test.py'"""

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import detect
import table
import wake
from detect import Thing

FAR = -50.0


def nothing() -> list[np.ndarray]:
    places = [(detect.INPUT_SIZE // stride) ** 2 for stride in detect.STRIDES]
    scores = [np.zeros((count, detect.CLASSES), np.float32) for count in places]
    return scores + [np.zeros((count, detect.EDGES * detect.BINS), np.float32) for count in places]


def put(outputs: list[np.ndarray], place: int, kind: int, score: float, bins: tuple[int, ...]) -> None:
    """A thing on the coarsest grid whose edges are so many steps away."""
    outputs[2][place, kind] = score
    logits = np.full((detect.EDGES, detect.BINS), FAR, np.float32)
    logits[np.arange(detect.EDGES), bins] = 0
    outputs[5][place] = logits.ravel()


class Detection(unittest.TestCase):
    def test_a_box_stands_around_its_place(self) -> None:
        outputs = nothing()
        put(outputs, 14, 7, 0.9, (0, 1, 2, 10))  # second row, second column
        (thing,) = detect.decode(outputs)
        self.assertEqual(thing.kind, 7)
        self.assertAlmostEqual(thing.score, 0.9, 6)
        np.testing.assert_allclose(thing.box, (48, 48 - 32, 48 + 64, 48 + 320))

    def test_boxes_of_one_kind_that_overlap_are_one(self) -> None:
        outputs = nothing()
        put(outputs, 14, 7, 0.9, (4, 4, 4, 4))
        put(outputs, 15, 7, 0.8, (5, 4, 3, 4))  # the same box
        self.assertEqual([t.score > 0.85 for t in detect.decode(outputs)], [True])
        put(outputs, 15, 8, 0.8, (5, 4, 3, 4))
        self.assertEqual({t.kind for t in detect.decode(outputs)}, {7, 8})

    def test_each_thing_is_matched_once(self) -> None:
        a, b = Thing(1, 0.9, (0, 0, 10, 10)), Thing(1, 0.8, (0, 0, 10, 11))
        self.assertEqual(detect.matched([a], [a]), [1.0])
        self.assertEqual(len(detect.matched([a], [a, b])), 1)
        self.assertEqual(detect.matched([Thing(2, 0.9, a.box)], [a]), [])
        self.assertEqual(detect.matched([Thing(1, 0.9, (9, 9, 20, 20))], [a]), [])

    def test_judge(self) -> None:
        theirs, ours = nothing(), nothing()
        put(theirs, 14, 7, 0.9, (4, 4, 4, 4))
        put(theirs, 80, 3, 0.9, (4, 4, 4, 4))
        put(ours, 14, 7, 0.5, (4, 4, 4, 3))
        put(ours, 100, 5, 0.9, (1, 1, 1, 1))
        figures = detect.judge([o[None] for o in ours], [t[None] for t in theirs])
        least = figures.pop("least_overlap")
        self.assertAlmostEqual(least, 7 / 8, 6)
        self.assertEqual(figures, {"objects": 2, "same_objects": 1, "other_objects": 1})

    def test_its_section_leaves_other_networks_out(self) -> None:
        same = nothing()
        put(same, 14, 7, 0.9, (4, 4, 4, 4))
        ours = [output[None] for output in same]
        heard = [np.array([[0.9], [0.1]], np.float32)]
        results = {
            ("nanodet", "soter"): detect.judge(ours, ours),
            ("wakeword-rhasspy", "enclave"): wake.judge(heard, heard),
        }
        self.assertTrue(table.detect_text(results).endswith("|---|\n| soter | 1/1 | 0 | 1.000 |\n"))
        self.assertTrue(table.wake_text(results).endswith("|---|\n| enclave | 2/2 | 1 |\n"))

    def test_inputs_are_blue_first_and_centred(self) -> None:
        photo = np.zeros((1, 2, 2, 3), np.float32)
        photo[..., 0] = 1  # red
        made = detect.prepared(photo)
        self.assertEqual(made.shape, (1, 3, 2, 2))
        red = (255 - 123.675) / 58.395
        np.testing.assert_allclose(made[0, :, 0, 0], [-103.53 / 57.375, -116.28 / 57.12, red], 1e-5)


if __name__ == "__main__":
    unittest.main()
