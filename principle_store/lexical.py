"""Finds principles by the words of a question: BM25, in many scripts.

A question in another language is looked up by its English and by its own words; those find the
search words of that language alone.
"""

import logging
import re

import bm25s
import numpy as np
from numpy.typing import NDArray

from principle_store.types import Library, Principle
from rubrics.reading import Reading

STEM = 5  # letters: an inflected word and its base share their beginning
HALF = 4.0  # BM25 points that count as half a match; one rare word gives 2 to 5

_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]+")  # Chinese and Japanese: pairs of signs
_SPACED = r"(?:(?![\u3040-\u30ff\u4e00-\u9fff])[\w\u0900-\u097f])+"  # \w lacks some vowel signs
_WORD = re.compile(f"{_UNSPACED.pattern}|{_SPACED}")
_COMMON = {
    "en": "a an the of to in on for and or is are am be it i my me do does can should what how "
    "have has with this that you your not if was at by from as we he she his her him so but will "
    "just",
    "": "de la el le les que en un una une der die das ist ich und mi se es y o a et est mein "
    "meine",
}
"""Words that say nothing of the topic: in English, and in the other languages."""
_DROPPED = {language: frozenset(words.split()) for language, words in _COMMON.items()}


class LexicalIndex:
    def __init__(self, library: Library) -> None:
        self.ids = [principle.id for principle in library.principles]
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it switches itself to DEBUG
        self._index = bm25s.BM25()
        texts = [_tokens_of(principle) for principle in library.principles]
        self._index.index(texts, show_progress=False)

    def shares(self, reading: Reading) -> NDArray[np.float64]:
        """For each principle of `ids` how much of a match it is, 0 to 1."""
        asked = sorted(asked_tokens(reading))
        if not asked:
            return np.zeros(len(self.ids))
        points = np.asarray(self._index.get_scores(asked), dtype=np.float64)
        return points / (points + HALF)


def asked_tokens(reading: Reading) -> set[str]:
    """The question's English tokens, and if it is in another language its own, marked with it."""
    own = marked(reading.written, reading.language) if reading.is_foreign else []
    return {*marked(reading.english, "en"), *own}


def marked(text: str, language: str) -> list[str]:
    """A text's words cut to their beginnings; other than English ones carry their language."""
    stems = [word[:STEM] for word in words_of(text, language)]
    return stems if language == "en" else [f"{language}:{stem}" for stem in stems]


def words_of(text: str, language: str) -> list[str]:
    """Words without the commonest ones; pairs of signs where no spaces are."""
    dropped = _DROPPED["en" if language == "en" else ""]
    found = []
    for word in _WORD.findall(text.casefold()):
        if _UNSPACED.match(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        elif len(word) > 1 and word not in dropped:
            found.append(word)
    return found


def _tokens_of(principle: Principle) -> list[str]:
    english = " ".join([*principle.searched_texts(), *principle.sayings()])
    spoken = principle.search_words.items()
    own = [token for code, words in spoken for word in words for token in marked(word, code)]
    return [*marked(english, "en"), *own]
