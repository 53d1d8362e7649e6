"""A screening judge without a language model: words, numbers, negation, a small fitted head.

It answers quickly and often wrongly, and says so: `agreement` is its measured agreement with
physicians. It abstains on what it cannot see: general qualities, absences, other languages, and
whatever lies between its two bands. `tools/fit_builtin_judge.py` makes the head from this project's
own example answers; `benchmarks/builtin_judge.py` measures the agreement.
"""

import asyncio
import json
import re
from importlib.resources import files
from typing import Self

import numpy as np

from inference.embedding import TextVectors, Vectors
from inference.messages import Conversation
from inference.words import Word, read
from rubrics.evidence import FIGURES, Claim, Passages, evidence, is_english
from rubrics.types import Criterion, Rubric, Verdict

HARM_FROM = 0.8  # harm is rarely said, and a wrong MET would take a good sentence out again
_GENERAL = re.compile(
    r"\b(accura\w+|clear(ly)?|concise\w*|appropriate\w*|empath\w+|tone|well[- ]organi[sz]ed|plain"
    r"|readab\w+|factual\w*|correct(ly)?|professional(ly)?|comprehensive\w*|simple words)\b",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"\b(fails? to|omits?|does(n't| not)|lacks?|neglects?|leaves out|without (saying|asking|naming|"
    r"mentioning|explaining|warning|stating))\b",
    re.IGNORECASE,
)


class Head(Word):
    """A logistic regression over the figures of `rubrics.evidence`."""

    figures: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    unmet_up_to: float
    met_from: float

    @classmethod
    def load(cls) -> Self:
        head = read(cls, _json("builtin_head.json"), "builtin_head.json")
        assert head.figures == FIGURES, "fit the head again: tools/fit_builtin_judge.py"
        return head

    def probability(self, figures: Vectors) -> float:
        scaled = (np.asarray(figures) - self.mean) / np.asarray(self.scale)
        return float(1 / (1 + np.exp(-(scaled @ np.asarray(self.weights) + self.bias))))


class Agreement(Word):
    """How often the judge and physicians agree, measured by `benchmarks/builtin_judge.py`."""

    data: str
    n: int
    coverage: float
    f1_positive: float
    f1_negative: float
    f1_balanced: float
    remark: str

    def __str__(self) -> str:
        return (
            f"balanced F1 {self.f1_balanced:.2f} with physicians on the {self.coverage:.0%} of "
            f"{self.n} {self.data} it answered; {self.remark}"
        )


class BuiltinJudge:
    name = "built-in screening judge (no language model)"

    def __init__(self, embedder: TextVectors) -> None:
        self._embedder = embedder
        self._head = Head.load()
        self.agreement = str(read(Agreement, _json("builtin_agreement.json"), "builtin_agreement"))

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        return await asyncio.to_thread(self._verdicts, conversation, answer, rubric)

    def _verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        passages = Passages(answer, self._embedder)
        claims = [Claim(one.criterion, conversation.question) for one in rubric.criteria]
        vectors = self._embedder.embed([claim.text for claim in claims])
        return tuple(
            _blind_spot(criterion, answer) or self._verdict(criterion, claim, passages, vector)
            for criterion, claim, vector in zip(rubric.criteria, claims, vectors, strict=True)
        )

    def _verdict(
        self, criterion: Criterion, claim: Claim, passages: Passages, vector: Vectors
    ) -> Verdict:
        figures, passage = evidence(claim, passages, vector)
        probability = self._head.probability(np.asarray(figures, dtype=np.float32))
        chance = f"probability {probability:.2f} of being met, by wording"
        met_from = self._head.met_from if criterion.points > 0 else HARM_FROM
        if probability >= met_from:
            return Verdict(
                criterion_id=criterion.id, verdict="MET", explanation=chance, quote=passage
            )
        if probability <= self._head.unmet_up_to:
            return Verdict(criterion_id=criterion.id, verdict="UNMET", explanation=chance)
        return _abstained(criterion, f"undecided: {chance}")


def _blind_spot(criterion: Criterion, answer: str) -> Verdict | None:
    if not (is_english(answer) and is_english(criterion.criterion)):
        return _abstained(criterion, "a text that is not English is beyond this judge")
    if _ABSENCE.search(criterion.criterion):
        return _abstained(criterion, "what an answer leaves out is beyond this judge")
    if _GENERAL.search(criterion.criterion):
        return _abstained(criterion, "a general quality is beyond this judge")
    return None


def _abstained(criterion: Criterion, why: str) -> Verdict:
    return Verdict(criterion_id=criterion.id, verdict="ABSTAIN", explanation=why)


def _json(name: str) -> object:
    found: object = json.loads((files("rubrics") / name).read_text(encoding="utf-8"))
    return found
