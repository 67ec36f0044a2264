"""Which language is a word of? Eight of Debian's word lists, accents taken off.

A word is 5 to 16 letters of a to z, one row for each position: which letter stands there, or that
none does any more. Words that two lists have are left out; no test word is a training word, though
another form of it may be.
"""

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

from tasks.fetched import fetched
from tasks.task import Samples, Task

# Name of the list -> its encoding.
LISTS = {
    "american-english": "utf-8",
    "dutch": "utf-8",
    "french": "utf-8",
    "italian": "utf-8",
    "ngerman": "utf-8",
    "portuguese": "utf-8",
    "spanish": "utf-8",
    "swedish": "latin-1",
}
SHORTEST, LONGEST = 5, 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NO_LETTER = len(LETTERS)
TRAINED, TESTED = 12000, 1250  # words of each language
SEED = 1


def plain(word: str) -> str:
    """Lower case without accents; empty if other letters are left, or too few or too many."""
    parts = unicodedata.normalize("NFKD", word.strip().lower())
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    fits = SHORTEST <= len(letters) <= LONGEST and set(letters) <= set(LETTERS)
    return letters if fits else ""


def rows(word: str) -> np.ndarray:
    """[LONGEST, 27] with a one in every row."""
    indices = [LETTERS.index(letter) for letter in word] + [NO_LETTER] * (LONGEST - len(word))
    return np.eye(NO_LETTER + 1, dtype=np.float32)[indices]


def chosen(lists: list[set[str]], trained: int, tested: int) -> dict[str, list[list[str]]]:
    """By part: words of each list that no other list has."""
    counts = Counter(word for words in lists for word in words)
    parts: dict[str, list[list[str]]] = {"train": [], "test": []}
    for index, words in enumerate(lists):
        own = sorted(word for word in words if counts[word] == 1)
        if len(own) < trained + tested:
            raise ValueError(f"list {index} has only {len(own)} words of its own")
        order = np.random.default_rng((SEED, index)).permutation(len(own))
        shuffled = [own[i] for i in order]
        parts["test"].append(shuffled[:tested])
        parts["train"].append(shuffled[tested : tested + trained])
    return parts


def load(part: str, folder: Path) -> Samples:
    lists = []
    for name, encoding in LISTS.items():
        text = fetched(f"words-{name}", folder).read_text(encoding=encoding)
        lists.append({plain(word) for word in text.splitlines()} - {""})
    words = chosen(lists, TRAINED, TESTED)[part]
    inputs = np.stack([rows(word) for of_language in words for word in of_language])
    labels = np.repeat(np.arange(len(words)), [len(of_language) for of_language in words])
    return Samples(inputs, labels.astype(np.int64))


LANGUAGES = Task(tuple(LISTS), (LONGEST, NO_LETTER + 1), load)
