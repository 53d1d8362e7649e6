"""What an answer shows for a criterion, as figures that need no language model.

Absolute likeness of meaning is left out of the figures on purpose: it says that an answer stays on
the topic, not that it makes the point. It only helps to choose the passage that is quoted.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from inference.embedding import TextVectors, Vectors
from inference.sentences import sentences_of

FIGURES = (
    "words_in_passage",
    "words_in_answer",
    "new_words_in_passage",
    "new_words_in_answer",
    "numbers_agree",
    "asks_back",
    "negation_differs",
)
STEM = 5  # letters of a word that are compared: "breathe" and "breathing" agree

_LEAD = re.compile(
    r"^(tells|advises|asks|states|says|suggests|recommends|explains|warns|gives|offers|names|claims"
    r"|describes|mentions|encourages|lists|points out|uses|notes|directs|instructs)\b"
    r"( the (reader|person|asker|clinician|parent|user))?( (to|that|about|of|for))?\s*",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(not|never|no|avoid|don't|without|nor|cannot)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an the to of in on for and or is are be that this it with as by at from not no do does "
        "your you they their them who which what when if than then any may can could should will "
        "would has have about into more most only very",
    )
)


class Passages:
    """An answer cut into sentences and pairs of neighbours, with what is compared of each."""

    def __init__(self, answer: str, embedder: TextVectors) -> None:
        sentences = sentences_of(answer) or [answer]
        pairs = [" ".join(pair) for pair in pairwise(sentences)]
        self.texts = [*sentences, *pairs]
        self.words = [words_of(text) for text in self.texts]
        self.all_words = words_of(answer)
        self.numbers = set(_NUMBER.findall(answer))
        self.asks = any("?" in text or "？" in text or "؟" in text for text in sentences)
        self._embedder = embedder

    @cached_property
    def vectors(self) -> Vectors:
        return self._embedder.embed(self.texts)


class Claim:
    """A criterion without its lead ("Tells the reader to"), and its words new to the question."""

    def __init__(self, criterion: str, question: str) -> None:
        self.text = _LEAD.sub("", criterion) or criterion
        self.words = words_of(self.text)
        self.new_words = (self.words - words_of(question)) or self.words
        self.numbers = _NUMBER.findall(self.text)
        self.asks = criterion.lower().startswith("asks")


def evidence(claim: Claim, passages: Passages, vector: Vectors) -> tuple[Sequence[float], str]:
    """The figures, in the order of `FIGURES`, and the passage that shows most."""
    shares = np.array([_share(claim.words, words) for words in passages.words])
    new_shares = [_share(claim.new_words, words) for words in passages.words]
    best = passages.texts[int(np.argmax(passages.vectors @ vector + shares))]
    figures = (
        float(shares.max()),
        _share(claim.words, passages.all_words),
        max(new_shares),
        _share(claim.new_words, passages.all_words),
        _numbers_agree(claim, passages),
        (1.0 if passages.asks else -1.0) if claim.asks else 0.0,
        float(bool(_NEGATION.search(claim.text)) != bool(_NEGATION.search(best))),
    )
    return figures, best


def words_of(text: str) -> frozenset[str]:
    found = _WORD.findall(text.lower())
    return frozenset(word[:STEM] for word in found if word not in COMMON)


def is_english(text: str) -> bool:
    """Whether common English words are about as frequent as in English text; short texts pass."""
    found = _WORD.findall(text.lower())
    return len(found) < 8 or sum(word in COMMON for word in found) >= 0.12 * len(found)


def _share(wanted: frozenset[str], words: frozenset[str]) -> float:
    return len(wanted & words) / max(1, len(wanted))


def _numbers_agree(claim: Claim, passages: Passages) -> float:
    """From -0.5, the answer has none of the claim's numbers, to 0.5, all; 0 without numbers."""
    if not claim.numbers:
        return 0.0
    return sum(number in passages.numbers for number in claim.numbers) / len(claim.numbers) - 0.5
