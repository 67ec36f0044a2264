"""python -m unittest discover -s tools/models -p '*_test.py'"""

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import accuracy
from accuracy_text import document, interval
from merge import merged

LABELS = np.array([0, 1, 2, 0])
ORIGINAL = np.array([[9, 0, 0], [0, 2, 1.9], [0, 5, 0], [0, 0, 4]], np.float32)


class Consistency(unittest.TestCase):
    def test_counts(self) -> None:
        scores = ORIGINAL.copy()
        scores[1] = [0, 1.9, 2]  # right before
        scores[3] = [4, 0, 0]  # wrong before
        figures = accuracy.compare(scores, ORIGINAL, LABELS)
        wanted = {
            "samples": 4, "original": 2, "protected": 2, "same": 2, "same_right": 1, "same_wrong": 1,
        }  # fmt: skip
        self.assertEqual({key: figures[key] for key in wanted}, wanted)
        self.assertAlmostEqual(figures["sure_flipped"], 1 / (1 + 2 * np.exp(-4)), 6)
        self.assertGreater(figures["sure_wrong"], figures["sure_right"] - 0.5)

    def test_equal_scores(self) -> None:
        figures = accuracy.compare(ORIGINAL, ORIGINAL, LABELS)
        self.assertEqual((figures["same"], figures["sure_flipped"]), (4, None))
        self.assertIsNone(figures["noise_db"])
        self.assertEqual(figures["confidence_shift"], 0)

    def test_other_shapes_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            accuracy.compare(ORIGINAL[:3], ORIGINAL, LABELS)

    def test_interval(self) -> None:
        # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, method 3.
        low, high = interval(81, 263)
        self.assertAlmostEqual(low, 0.2553, 4)
        self.assertAlmostEqual(high, 0.3662, 4)
        self.assertAlmostEqual(interval(20, 20)[1], 1)

    def test_document(self) -> None:
        figures = accuracy.compare(ORIGINAL, ORIGINAL, LABELS)
        text = document({("mlp", "plain"): figures}, {"plain": ["--preset", "plain"]}, {"mlp": "An MLP"})
        self.assertIn("## An MLP\n\n4 test samples. Original: 50.00 % right", text)
        self.assertIn("| plain | 50.00 % | 100.00 % (51.01 to 100.00) | 2/2 | 2/2 | - | 0 | - |", text)
        self.assertIn("| plain | `--preset plain` |", text)


class Merging(unittest.TestCase):
    NAMES = ["a", "b", "p", "q"]
    OLD = "# T\nwords\n| m | p |\n|---|---|\n| b | p | 1 |\n| a | q | 2 |\n\nnote\n\n## U\n| p |\n|---|\n| p | 3 |\n"

    def test_new_rows_replace_old_ones_and_others_stay(self) -> None:
        new = "# T\nother words\n| m | p |\n|---|---|\n| a | p | 4 |\n| b | p | 5 |\n"
        self.assertEqual(
            merged(self.OLD, new, self.NAMES),
            "# T\nother words\n| m | p |\n|---|---|\n| a | p | 4 |\n| a | q | 2 |\n| b | p | 5 |\n\n"
            "note\n\n## U\n| p |\n|---|\n| p | 3 |\n",
        )

    def test_words_about_old_rows_go_with_the_last_of_them(self) -> None:
        new = "# T\n| m | p |\n|---|---|\n| a | q | 4 |\n| b | p | 5 |\n"
        self.assertNotIn("note", merged(self.OLD, new, self.NAMES))

    def test_nothing_there_yet(self) -> None:
        new = "# T\n| m | p |\n|---|---|\n| a | p | 4 |\n"
        self.assertEqual(merged("", new, self.NAMES), new)


if __name__ == "__main__":
    unittest.main()
