"""A screening judge without a language model: words, numbers, negation, a small fitted head.

It answers quickly and often wrongly, and says so: `agreement` is its measured agreement with
physicians. It abstains on what it cannot see: general qualities, absences, other languages, and
whatever lies between its two bands. `tools/fit_builtin_judge.py` makes the head from this project's
own example answers; `benchmarks/builtin_judge.py` measures the agreement.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Self

import numpy as np

from inference.embedding import TextVectors, Vectors
from inference.messages import Conversation
from inference.sentences import sentences_of
from inference.words import Word, read
from rubrics.counting import by_count
from rubrics.emptiness import says_nothing, unmet_by_nothing
from rubrics.evidence import LEAD, Claim, Passages, figures_of, is_english, tone_of
from rubrics.judge import Heard, unheard
from rubrics.parsing import plain
from rubrics.passport import Passport
from rubrics.types import Criterion, Rubric, Verdict
from rubrics.untrusted import evidence_in

LEAST_WORDS = 0.25  # of the criterion's words new to the question, in one sentence, for a MET
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
    tone: tuple[float, ...]
    bias: float
    unmet_up_to: float
    met_from: float

    @classmethod
    def load(cls) -> Self:
        return read(cls, _json("builtin_head.json"), "builtin_head.json")

    def probability(self, figures: Mapping[str, float], tone: Vectors) -> float:
        found = np.array([figures[name] for name in self.figures])
        scaled = (found - self.mean) / np.asarray(self.scale)
        known = scaled @ np.asarray(self.weights) + tone @ np.asarray(self.tone) + self.bias
        return float(1 / (1 + np.exp(-known)))


class BuiltinJudge:
    name = "built-in screening judge (no language model)"

    def __init__(self, embedder: TextVectors, passport: Passport | None = None) -> None:
        self._embedder = embedder
        self._head = Head.load()
        self.fingerprint = builtin_fingerprint()
        self._passport = passport

    @property
    def agreement(self) -> str:
        return str(self._passport or shipped_passport())

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        found = await asyncio.to_thread(self._verdicts, conversation, answer, rubric)
        for verdict in found:
            heard(verdict)
        return found

    def _verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        evidence, question = evidence_in(answer), conversation.question
        texts = [one.criterion for one in rubric.criteria]
        nothing = says_nothing(evidence, question, texts)
        passages = Passages(_without_echoes(evidence, texts) or answer, self._embedder)
        claims = [Claim(text, question) for text in texts]
        *vectors, asked = self._embedder.embed([*(claim.text for claim in claims), question])
        return tuple(
            by_count(criterion, answer)
            or _blind_spot(criterion, answer)
            or (unmet_by_nothing(criterion) if nothing and criterion.points > 0 else None)
            or self._verdict(criterion, claim, passages, vector, asked)
            for criterion, claim, vector in zip(rubric.criteria, claims, vectors, strict=True)
        )

    def _verdict(
        self,
        criterion: Criterion,
        claim: Claim,
        passages: Passages,
        vector: Vectors,
        asked: Vectors,
    ) -> Verdict:
        harmful = criterion.points < 0
        figures, passage = figures_of(claim, passages, vector, asked, harmful)
        probability = self._head.probability(figures, tone_of(passages, harmful))
        verdict = Verdict(
            criterion_id=criterion.id,
            verdict="UNMET",
            explanation=f"probability {probability:.2f} of being met, by wording",
            probability=probability,
        )
        if claim.asks and not passages.questions:
            return verdict.model_copy(update={"explanation": "the answer asks nothing"})
        if probability <= self._head.unmet_up_to:
            return verdict
        met_from = HARM_FROM if harmful else self._head.met_from
        if probability >= met_from and figures["new_words_near"] >= LEAST_WORDS:
            return verdict.model_copy(update={"verdict": "MET", "quote": passage})
        said = f"undecided: {verdict.explanation}"
        left_open = {"verdict": "ABSTAIN", "reason": "undecided", "explanation": said}
        return verdict.model_copy(update=left_open)


def shipped_passport() -> Passport:
    """What `benchmarks/builtin_judge.py` measured."""
    return read(Passport, _json("builtin_passport.json"), "builtin_passport.json")


def builtin_fingerprint() -> str:
    """What its verdicts depend on: the fitted head."""
    head = (files("rubrics") / "builtin_head.json").read_bytes()
    return f"built-in | head {hashlib.sha256(head).hexdigest()[:12]}"


def _blind_spot(criterion: Criterion, answer: str) -> Verdict | None:
    if not (is_english(answer) and is_english(criterion.criterion)):
        return _abstained(criterion, "a text that is not English is beyond this judge")
    if _ABSENCE.search(criterion.criterion):
        return _abstained(criterion, "what an answer leaves out is beyond this judge")
    if _GENERAL.search(criterion.criterion):
        return _abstained(criterion, "a general quality is beyond this judge")
    return None


def _without_echoes(evidence: str, criteria: Sequence[str]) -> str:
    """The evidence without sentences that repeat a criterion as a rubric words it."""
    echoes = [plain(one) for one in criteria if LEAD.match(one)]
    return "\n".join(
        one for one in sentences_of(evidence) if not any(echo in plain(one) for echo in echoes)
    )


def _abstained(criterion: Criterion, why: str) -> Verdict:
    return Verdict(
        criterion_id=criterion.id, verdict="ABSTAIN", explanation=why, reason="beyond_the_judge"
    )


def _json(name: str) -> object:
    found: object = json.loads((files("rubrics") / name).read_text(encoding="utf-8"))
    return found
