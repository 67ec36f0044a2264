"""python -m unittest discover -s tools/tasks -t tools -p '*_test.py' (no network needed)"""

import gzip
import unittest

import numpy as np

from tasks import clothes, commands, espeak, languages
from tasks.task import Samples, drawn


class Drawing(unittest.TestCase):
    def test_pairs_stay_together_and_a_seed_decides(self) -> None:
        labels = np.arange(50)
        samples = Samples(labels[:, None].astype(np.float32), labels)
        first, again, other = (drawn(samples, 20, seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first.inputs[:, 0], first.labels)
        np.testing.assert_array_equal(first.labels, again.labels)
        self.assertEqual(len(set(first.labels.tolist())), 20)
        self.assertNotEqual(first.labels.tolist(), other.labels.tolist())

    def test_more_than_there_are(self) -> None:
        with self.assertRaises(ValueError):
            drawn(Samples(np.zeros((3, 1), np.float32), np.zeros(3, np.int64)), 4, 1)


class Clothes(unittest.TestCase):
    def test_idx(self) -> None:
        content = bytes((0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3)) + bytes(range(6))
        np.testing.assert_array_equal(
            clothes.read_idx(gzip.compress(content)), np.arange(6).reshape(2, 3)
        )
        with self.assertRaises(ValueError):
            clothes.read_idx(gzip.compress(bytes((0, 0, 13)) + content[3:]))
        with self.assertRaises(ValueError):
            clothes.read_idx(gzip.compress(content[:-1]))


class Languages(unittest.TestCase):
    def test_plain_words(self) -> None:
        self.assertEqual(languages.plain(" Élèves\n"), "eleves")
        for refused in ("four", "it's-me", "a" * 17, "straße"):
            self.assertEqual(languages.plain(refused), "")

    def test_rows(self) -> None:
        rows = languages.rows("abcab")
        self.assertEqual(rows.shape, (16, 27))
        self.assertEqual(rows.argmax(1).tolist(), [0, 1, 2, 0, 1] + [26] * 11)
        self.assertTrue((rows.sum(1) == 1).all())

    def test_no_word_is_in_two_parts_or_two_lists(self) -> None:
        lists = [{f"{c}{n:03}" for n in range(90)} | {"both"} for c in "xyz"]
        parts = languages.chosen(lists, 60, 20)
        self.assertEqual([len(words) for words in parts["train"]], [60] * 3)
        self.assertEqual([len(words) for words in parts["test"]], [20] * 3)
        words = [w for part in parts.values() for of_language in part for w in of_language]
        self.assertEqual(len(words), len(set(words)))
        self.assertNotIn("both", words)
        with self.assertRaises(ValueError):
            languages.chosen(lists, 80, 20)


class Commands(unittest.TestCase):
    def test_a_tone_is_in_its_band(self) -> None:
        time = np.arange(commands.SAMPLES) / espeak.RATE
        low, high = (
            commands.features(np.sin(2 * np.pi * f * time).astype(np.float32)) for f in (300, 4000)
        )
        self.assertEqual(low.shape, (commands.FRAMES, commands.BANDS))
        for features, frequency in ((low, 300), (high, 4000)):
            filters = commands.mel_filters()
            nearest = filters[round(frequency * commands.TRANSFORM / espeak.RATE)].argmax()
            self.assertLessEqual(int(np.abs(features.argmax(1) - nearest).max()), 1)
            self.assertAlmostEqual(float(features.mean()), 0, 4)
            self.assertAlmostEqual(float(features.std()), 1, 4)

    def test_noise_is_as_loud_as_said(self) -> None:
        word = np.full(commands.SAMPLES, 100, np.float32)
        for seed in range(5):
            noise = commands.heard(word, np.random.default_rng(seed)) - word
            decibels = 10 * np.log10(100**2 / np.mean(noise**2))
            self.assertGreater(decibels, commands.LOUDEST_NOISE - 0.5)
            self.assertLess(decibels, commands.QUIETEST_NOISE + 0.5)

    def test_nobody_speaks_in_both_parts(self) -> None:
        for of_training, of_test in zip(*commands.SPEAKERS.values(), strict=True):
            self.assertFalse(set(of_training) & set(of_test))

    def test_a_spoken_word(self) -> None:
        sound = espeak.say("seven", "en-us+f1", 160)
        self.assertGreater(len(sound), espeak.RATE // 4)
        self.assertGreater(float(np.abs(sound).max()), 1000)
        np.testing.assert_array_equal(sound, espeak.say("seven", "en-us+f1", 160, 50))
        self.assertFalse(np.array_equal(sound, espeak.say("seven", "en-us+f1", 160, 70)))


if __name__ == "__main__":
    unittest.main()
