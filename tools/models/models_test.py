"""python -m unittest discover -s tools/models -p '*_test.py'"""

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import augment
import objects
import text
from faces import INPUT_SIZE, Face, anchor_centres, decode, largest_shift, overlap, suppress

FAR = -50.0  # a score that no anchor's face has


def outputs_with(faces: dict[int, tuple[float, float, float, float]]) -> list[np.ndarray]:
    """Network outputs with centre offset and size of the given anchors, everything else far below."""
    scores = np.full(896, FAR, np.float32)
    boxes = np.zeros((896, 16), np.float32)
    for anchor, values in faces.items():
        scores[anchor] = 3
        boxes[anchor, :4] = values
    return [scores[:512], scores[512:], boxes[:512], boxes[512:]]


class Faces(unittest.TestCase):
    def test_anchors(self) -> None:
        centres = anchor_centres()
        self.assertEqual(centres.shape, (896, 2))
        np.testing.assert_allclose(centres[0], [1 / 32, 1 / 32])
        np.testing.assert_allclose(centres[2], [3 / 32, 1 / 32])
        np.testing.assert_allclose(centres[512], [1 / 16, 1 / 16])
        np.testing.assert_allclose(centres[-1], [15 / 16, 15 / 16])

    def test_decode_places_the_box_around_its_anchor(self) -> None:
        (face,) = decode(outputs_with({512: (4.0, -2.0, 10.0, 20.0)}))
        x, y = INPUT_SIZE / 16 + 4, INPUT_SIZE / 16 - 2
        self.assertAlmostEqual(face.score, 1 / (1 + np.exp(-3)), places=6)
        np.testing.assert_allclose(face.box, (x - 5, y - 10, x + 5, y + 10), rtol=1e-6)

    def test_overlapping_boxes_are_one_face(self) -> None:
        near = {0: (0.0, 0.0, 30.0, 30.0), 1: (1.0, 1.0, 30.0, 30.0)}
        self.assertEqual(len(decode(outputs_with(near))), 1)
        far = near | {895: (0.0, 0.0, 30.0, 30.0)}
        self.assertEqual(len(decode(outputs_with(far))), 2)
        self.assertEqual(decode(outputs_with({})), [])

    def test_overlap(self) -> None:
        a, b = Face(1, (0, 0, 2, 2)), Face(0.5, (1, 0, 3, 2))
        self.assertAlmostEqual(overlap(a, b), 1 / 3)
        self.assertEqual(overlap(a, Face(1, (5, 5, 6, 6))), 0.0)
        self.assertEqual(suppress([b, a]), [a])

    def test_shift(self) -> None:
        face = Face(1, (0, 0, 10, 10))
        self.assertAlmostEqual(largest_shift([Face(0.9, (0, 0.5, 10, 10.25))], [face]), 0.5)
        self.assertEqual(largest_shift([], [face]), float("inf"))
        self.assertEqual(largest_shift([Face(1, (50, 50, 60, 60))], [face]), float("inf"))
        self.assertEqual(largest_shift([], []), 0.0)


class Text(unittest.TestCase):
    KEYS = ("", "a", "b", " ")

    def scores(self, classes: list[int]) -> np.ndarray:
        return np.eye(len(self.KEYS), dtype=np.float32)[classes]

    def test_repetitions_and_blanks_are_left_out(self) -> None:
        scores = self.scores([0, 1, 1, 0, 1, 2, 2, 3, 0])
        self.assertEqual(text.decode(scores, list(self.KEYS)), "aab ")
        self.assertEqual(text.decode(scores.ravel(), list(self.KEYS)), "aab ")

    def test_edit_distance(self) -> None:
        self.assertEqual(text.edit_distance("kitten", "sitting"), 3)
        self.assertEqual(text.edit_distance("", "abc"), 3)
        self.assertEqual(text.edit_distance("same", "same"), 0)

    def test_judge_counts_lines_and_characters(self) -> None:
        ours = np.stack([self.scores([1, 0, 2]).ravel(), self.scores([1, 0, 1]).ravel()])
        theirs = np.stack([self.scores([1, 0, 2]).ravel(), self.scores([1, 2, 0]).ravel()])
        figures = text.judge([ours], [theirs], list(self.KEYS))
        wanted = {"lines": 2, "same_lines": 1, "characters": 4, "wrong_characters": 1}
        self.assertEqual(figures, wanted)

    def test_lines_fill_their_height(self) -> None:
        page = np.linspace(0, 1, 191 * 384 * 3, dtype=np.float32).reshape(191, 384, 3)
        pictures = text.line_pictures(page)
        self.assertEqual(pictures.shape, (7, 3, text.HEIGHT, text.WIDTH))
        self.assertTrue((pictures[:, :, :, 0] < 1).all())
        self.assertGreater(np.abs(pictures[:, :, -1, 600]).min(), 0)


class Augment(unittest.TestCase):
    def test_crops_are_reproducible_and_differ(self) -> None:
        photo = np.linspace(0, 1, 60 * 80 * 3, dtype=np.float32).reshape(60, 80, 3)
        first = augment.views(photo, 6, 1, 16, 24)
        self.assertEqual(first.shape, (6, 16, 24, 3))
        np.testing.assert_array_equal(first, augment.views(photo, 6, 1, 16, 24))
        self.assertFalse(np.array_equal(first, augment.views(photo, 6, 2, 16, 24)))
        self.assertEqual(len({view.tobytes() for view in first}), 6)
        self.assertGreaterEqual(first.min(), 0)
        self.assertLessEqual(first.max(), 1)

    def test_whole_photograph_keeps_its_proportions(self) -> None:
        photo = np.ones((50, 100, 3), np.float32)
        whole = augment.whole(photo, 20, 20)
        np.testing.assert_array_equal(whole[:5], 0)
        np.testing.assert_allclose(whole[5:15], 1)


class Objects(unittest.TestCase):
    def test_faces_are_judged_by_their_place(self) -> None:
        seen = np.zeros((200, 2), np.float32)
        seen[:100, 1] = 1
        other = seen.copy()
        other[[0, 150], 1] = 1 - other[[0, 150], 1]
        figures = objects.judge_faces([other], [seen])
        wanted = {"labelled": 200, "right": 198, "peer_right": 200, "same_labelled": 198}
        self.assertEqual(figures, wanted)

    def test_objects_agree_anchor_by_anchor(self) -> None:
        logits = np.full((2, 3, objects.CLASS_COUNT), FAR, np.float32)
        logits[0, 1, 5] = logits[0, 2, 5] = logits[1, 0, 7] = 3
        logits[0, 0, 0] = 3  # the background is no object
        ours = logits.copy()
        ours[0, 2, 5] = FAR  # the kind is still seen beside it
        ours[1, 0, 7], ours[1, 0, 8] = FAR, 3
        boxes = np.zeros((2, 12), np.float32)
        figures = objects.judge_objects(
            [boxes, ours.reshape(2, -1)], [boxes, logits.reshape(2, -1)]
        )
        wanted = {"anchors": 3, "same_anchors": 1, "views": 2, "same_views": 1}
        self.assertEqual(figures, wanted)

    def test_things(self) -> None:
        corners, scores = np.zeros((3, 18), np.float32), np.array([[0.9], [0.1], [0.6]])
        figures = objects.judge_thing(
            [corners + 2, scores], [corners, np.array([[0.9], [0.1], [0.4]])]
        )
        wanted = {"things": 3, "things_seen": 1, "same_things": 2, "corner_shift": 2.0}
        self.assertEqual(figures, wanted)

    def test_cascade_swaps_height_and_width(self) -> None:
        picture = np.zeros((1, 25, 25))
        picture[0, 0, 20] = 1
        made = objects.face_pictures(picture, 25)
        self.assertEqual(made.shape, (1, 25, 25, 3))
        self.assertEqual(np.unravel_index(made[0, :, :, 0].argmax(), (25, 25)), (20, 0))
        self.assertAlmostEqual(float(made.max()), 127.5 / 128)


if __name__ == "__main__":
    unittest.main()
