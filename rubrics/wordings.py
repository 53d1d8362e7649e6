"""The words and short phrases of a question, in figures.

A sentence's vector says what a question is about; "how long", "my patient" and "is it true that"
say what kind of question it is.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SEEN = 4  # examples that hold a phrase, at least, for it to count
LONGEST = 3  # words of a phrase

_WORD = re.compile(r"[a-z']+|\d+|\?")


class Wordings:
    """Phrases that count, each weighing more the rarer it is (tf-idf).

    Args:
        phrases: what to look for.
        rarity: the weight of each.
    """

    def __init__(self, phrases: Sequence[str], rarity: NDArray[np.floating[Any]]) -> None:
        self.phrases, self.rarity = tuple(phrases), np.asarray(rarity, dtype=np.float64)
        self._place = {phrase: place for place, phrase in enumerate(phrases)}

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The phrases of these texts that are not too rare."""
        seen = Counter(phrase for text in texts for phrase in phrases_of(text))
        kept = sorted(phrase for phrase, times in seen.items() if times >= SEEN)
        return cls(kept, np.log([len(texts) / seen[phrase] for phrase in kept]))

    def figures(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Shape (texts, phrases); each row has length 1, or 0 if no phrase is known."""
        figures = np.zeros((len(texts), len(self.phrases)))
        for row, text in enumerate(texts):
            places = [self._place[one] for one in phrases_of(text) if one in self._place]
            figures[row, places] = self.rarity[places]
        lengths = np.linalg.norm(figures, axis=1, keepdims=True)
        scaled: NDArray[np.float64] = figures / np.maximum(lengths, 1e-9)
        return scaled


def phrases_of(text: str) -> set[str]:
    """Runs of up to three words; all numbers count as the same."""
    words = ["#" if word.isdigit() else word for word in _WORD.findall(text.casefold())]
    return {
        " ".join(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    }
