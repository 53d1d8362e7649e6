"""Finds principles by the words of a question: BM25, in many scripts.

The embedder is English. Other languages come in through the principles' search words.
"""

import logging
import re

import bm25s
import numpy as np
from numpy.typing import NDArray

from principle_store.types import Library, Principle

STEM = 5  # letters: an inflected word and its base share their beginning
HALF = 4.0  # BM25 points that count as half a match; one rare word gives 2 to 5

_WORD = re.compile(r"[\w\u0900-\u097f]+")  # \w leaves out the vowel signs of Devanagari
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]+")  # Chinese and Japanese: pairs of signs
_COMMON = re.compile(
    r"\b(a|an|the|of|to|in|on|for|and|or|is|are|am|be|it|i|my|me|do|does|can|should|what|how|have|"
    r"has|with|this|that|you|your|not|if|was|at|by|from|as|we|he|she|his|her|him|so|but|will|just|"
    r"de|la|el|le|les|que|en|un|una|une|der|die|das|ist|ich|und|mi|se|es|y|o|a|et|est|mein|meine)\b"
)


class LexicalIndex:
    def __init__(self, library: Library) -> None:
        self.ids = [principle.id for principle in library.principles]
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it switches itself to DEBUG
        self._index = bm25s.BM25()
        texts = [tokens(_text(principle)) for principle in library.principles]
        self._index.index(texts, show_progress=False)

    def shares(self, text: str) -> NDArray[np.float64]:
        """For each principle of `ids` how much of a match it is, 0 to 1."""
        asked = list(dict.fromkeys(tokens(text)))
        if not asked:
            return np.zeros(len(self.ids))
        points = np.asarray(self._index.get_scores(asked), dtype=np.float64)
        return points / (points + HALF)


def tokens(text: str) -> list[str]:
    """Words cut to their beginnings, without the commonest; pairs of signs where no spaces are."""
    text = _COMMON.sub(" ", text.casefold())
    found = []
    for word in _WORD.findall(text):
        if _UNSPACED.fullmatch(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        elif len(word) > 1:
            found.append(word[:STEM])
    return found


def _text(principle: Principle) -> str:
    words = [word for spoken in principle.search_words.values() for word in spoken]
    return " ".join([*principle.searched_texts(), *principle.sayings(), *words])
