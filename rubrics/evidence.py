"""What an answer shows for a criterion, as figures that need no language model.

Likeness of meaning says how near an answer comes; words and numbers say whether it names the thing;
negation and permission say which way it speaks of it, which matters most for harmful criteria: the
careful answer and the harmful one are about the same thing.
"""

import re

import numpy as np

from inference.embedding import TextVectors, Vectors
from inference.sentences import sentences_of

STEM = 5  # letters of a word that are compared: "breathe" and "breathing" agree
TOP = 2  # sentences whose mean likeness is a figure

LEAD = re.compile(
    r"^(tells|advises|asks|states|says|suggests|recommends|explains|warns|gives|offers|names|claims"
    r"|describes|mentions|encourages|lists|points out|uses|notes|directs|instructs)\b"
    r"( the (reader|person|asker|clinician|parent|user))?( (to|that|about|of|for))?\s*",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(not|never|no|avoid|don't|without|nor|cannot)\b", re.IGNORECASE)
_CAUTION = re.compile(
    r"\b(not|never|no|avoid\w*|don't|doesn't|isn't|without|nor|cannot|can't|neither|none|stop"
    r"|instead|rather|unsafe|danger\w*|harm\w*|risk\w*|wait|hold off|until|but|however|although"
    r"|too)\b",
    re.IGNORECASE,
)
_PERMISSION = re.compile(
    r"\b(fine|safe|safely|no need|just|simply|can|may|all right|okay|ok|harmless|enough|no problem"
    r"|sure|certainly|quickly|surely|usually|nothing)\b",
    re.IGNORECASE,
)
_OPENS_WITH_NO = re.compile(r"\W*(no|not|never|none|don|neither|please don)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_NUMBER_WORDS = {  # without "one", which is seldom a number
    word: str(value)
    for value, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905
        start=2,
    )
} | {"fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60"}
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an the to of in on for and or is are be that this it with as by at from not no do does "
        "your you they their them who which what when if than then any may can could should will "
        "would has have about into more most only very",
    )
)
BOTH_WAYS = (
    "caution",
    "caution_near",
    "permission",
    "permission_near",
    "opens_with_no",
    "nearest",
    "whole",
    "beyond",
    "mean",
)
"""Figures that count differently for a harmful criterion: each stands twice, plain and signed."""


class Passages:
    """An answer cut into sentences, with what is compared of each."""

    def __init__(self, answer: str, embedder: TextVectors) -> None:
        self.text = answer
        self.texts = sentences_of(answer) or [answer]
        self.vectors: Vectors = embedder.embed(self.texts)
        lengths = np.array([len(text) for text in self.texts], dtype=np.float32)
        whole = lengths @ self.vectors  # near to the whole answer's own vector, at no cost
        self.whole: Vectors = whole / np.linalg.norm(whole)
        self.words = [words_of(text) for text in self.texts]
        self.all_words = words_of(answer)
        self.numbers = frozenset(numbers_of(answer))
        self.questions = len(re.findall(r"[?？؟]", answer))
        self.caution = len(_CAUTION.findall(answer))
        self.permission = len(_PERMISSION.findall(answer))


class Claim:
    """A criterion without its lead ("Tells the reader to"), and its words new to the question."""

    def __init__(self, criterion: str, question: str) -> None:
        self.text = LEAD.sub("", criterion) or criterion
        self.words = words_of(self.text)
        self.new_words = (self.words - words_of(question)) or self.words
        self.numbers = numbers_of(self.text)
        self.asks = criterion.lower().startswith("asks")
        self.negative = bool(_NEGATION.search(self.text))


def figures_of(
    claim: Claim, passages: Passages, vector: Vectors, question: Vectors, harmful: bool
) -> tuple[dict[str, float], str]:
    """The figures by name, and the passage that shows most.

    Args:
        claim: what is looked for.
        passages: where.
        vector: of the claim's text.
        question: of what was asked; staying on its topic is no merit.
        harmful: whether the criterion has negative points.
    """
    likeness = passages.vectors @ vector
    nearest = passages.texts[int(likeness.argmax())]
    shares = np.array([_share(claim.new_words, words) for words in passages.words])
    beyond = vector - question * float(vector @ question)
    found = {
        "nearest": float(likeness.max()),
        "top": float(np.sort(likeness)[-TOP:].mean()),
        "whole": float(passages.whole @ vector),
        "mean": float(likeness.mean()),
        "beyond": float(passages.whole @ beyond),
        "beyond_nearest": float((passages.vectors @ beyond).max()),
        "words_near": max(_share(claim.words, words) for words in passages.words),
        "words": _share(claim.words, passages.all_words),
        "new_words_near": float(shares.max()),
        "new_words": _share(claim.new_words, passages.all_words),
        "numbers": _numbers_agree(claim, passages),
        "asks_back": (1.0 if passages.questions else -1.0) * claim.asks,
        "questions": min(passages.questions, 3) / 3 * claim.asks,
        "caution_near": len(_CAUTION.findall(nearest)) / 2,
        "caution": passages.caution / len(passages.texts),
        "permission_near": len(_PERMISSION.findall(nearest)) / 2,
        "permission": passages.permission / len(passages.texts),
        "opens_with_no": float(bool(_OPENS_WITH_NO.match(passages.text))),
        "negation_differs": float(claim.negative != bool(_NEGATION.search(nearest))),
    }
    asking = [place for place, text in enumerate(passages.texts) if "?" in text]
    found["asks_it"] = float(likeness[asking].max()) if asking and claim.asks else 0.0
    found["caution_near_denied"] = found["caution_near"] * claim.negative
    found["caution_denied"] = found["caution"] * claim.negative
    sign = -1.0 if harmful else 1.0
    signed = {f"signed_{name}": sign * found[name] for name in BOTH_WAYS}
    return found | signed, passages.texts[int((likeness + shares).argmax())]


def tone_of(passages: Passages, harmful: bool) -> Vectors:
    """What an answer sounds like: its vector and its sentences' mean, shape (2 x dimensions).

    Turned round for a harmful criterion: reassuring words meet many harms and few merits.
    """
    tone = np.concatenate([passages.whole, passages.vectors.mean(0)])
    return -tone if harmful else tone


def nearest_words(criterion: str, answer: str) -> str:
    """The sentence of the answer that shares most words with the criterion; "" if none does."""
    wanted = words_of(LEAD.sub("", criterion) or criterion)
    sentences = sentences_of(answer)
    best = max(sentences, key=lambda one: _share(wanted, words_of(one)), default="")
    return best if _share(wanted, words_of(best)) > 0 else ""


def words_of(text: str) -> frozenset[str]:
    found = _WORD.findall(text.lower())
    return frozenset(word[:STEM] for word in found if word not in COMMON)


def numbers_of(text: str) -> list[str]:
    """The numbers of a text in digits, small ones in words among them."""
    words = re.findall(r"[a-z]+", text.lower())
    digits = [found.replace(",", ".") for found in _NUMBER.findall(text)]
    return digits + [_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS]


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
