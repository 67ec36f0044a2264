"""python -m unittest discover -s tools/models -p '*_test.py' (no network needed)"""

import re
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tasks import commands
from tasks.clothes import CLOTHES
from tasks.commands import COMMANDS
from tasks.espeak import say
from tasks.languages import LANGUAGES
from cases import session
from victims import VICTIMS

TASKS = {"mlp": CLOTHES, "lstm": COMMANDS, "transformer": LANGUAGES}


class CheckedIn(unittest.TestCase):
    def test_networks_fit_their_tasks(self) -> None:
        for name, task in TASKS.items():
            with self.subTest(name):
                runtime = session(VICTIMS[name].file(None), 1)
                (data,) = runtime.get_inputs()
                (scores,) = runtime.run(None, {data.name: np.zeros((1, *task.shape), np.float32)})
                self.assertEqual(scores.shape, (1, len(task.classes)))

    def test_logs_say_how_good_they_are(self) -> None:
        for name in TASKS:
            with self.subTest(name):
                log = VICTIMS[name].file(None).with_suffix(".log").read_text()
                (percent,) = re.findall(r"accuracy on test samples: ([0-9.]+) %", log)
                self.assertGreater(float(percent), 70)

    def test_the_lstm_understands_a_stranger(self) -> None:
        runtime = session(VICTIMS["lstm"].file(None), 1)
        draw = np.random.default_rng(5)
        right = 0
        for label, word in enumerate(commands.WORDS):
            sound = commands.heard(say(word, "en-gb-scotland+m7", 155), draw)
            scores = runtime.run(None, {"input": commands.features(sound)[None]})[0]
            right += int(scores.argmax() == label)
        self.assertGreaterEqual(right, len(commands.WORDS) // 2)


if __name__ == "__main__":
    unittest.main()
