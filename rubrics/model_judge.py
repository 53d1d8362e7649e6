"""Asks a model whether each criterion of a rubric is met by an answer.

It adds nothing up (see `rubrics.scoring`) and writes no prompt (see `rubrics.asking`). A reply that
cannot be read, and a model that does not answer, make the verdict ERROR, never UNMET; a MET whose
quote does not stand in the answer becomes ABSTAIN.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from inference.chat import ChatModel, Sampling
from inference.errors import ModelError
from inference.gate import Gate
from inference.messages import Conversation, Message
from inference.words import Word
from rubrics.asking import (
    PROMPT_HASH,
    Opinion,
    one_word_about,
    opinions_in,
    question_about,
    schema_for,
    shared_part,
)
from rubrics.counting import by_count
from rubrics.emptiness import says_nothing, unmet_by_nothing
from rubrics.errors import UnreadableReply
from rubrics.evidence import nearest_words
from rubrics.judge import Heard, Mode, unheard
from rubrics.passport import UNCALIBRATED, Passport
from rubrics.quotes import borne_out
from rubrics.types import Criterion, Reason, Rubric, Verdict
from rubrics.untrusted import evidence_in

ATTEMPTS = 3  # readings of one criterion before its verdict is ERROR
IN_FLIGHT = 16  # calls at once
SURE = 0.9  # a one-word verdict less probable than this is asked about in full
LIKELIEST = 20  # tokens whose chances are looked at
TOKENS_A_CRITERION, TOKENS_FOR_THINKING = 400, 4096


class Manner(Word):
    """How a model is asked for verdicts."""

    mode: Mode = "packed"
    """`single`: one criterion a call. `packed`: several; `fast`: one token, and one criterion
    a call where that leaves doubt. Critical criteria always go one a call."""
    pack: int = Field(default=8, ge=1, le=20)
    quote_policy: Literal["strict", "lenient"] = "strict"
    """What a MET without its quote becomes: ABSTAIN, or MET with the reason `unverified`."""
    temperature: float = Field(default=0.0, ge=0)
    seed: int = 0

    def __str__(self) -> str:
        parts = [f"packed by {self.pack}" if self.mode == "packed" else self.mode]
        parts += ["lenient quotes"] if self.quote_policy == "lenient" else []
        parts += [f"temperature {self.temperature:g}, seed {self.seed}"] if self.temperature else []
        return ", ".join(parts)


@dataclass(frozen=True)
class _Case:
    """One answer that is being judged."""

    shared: str
    """The beginning of every prompt about it."""
    evidence: str
    """What quotes are looked for in."""
    keep: Heard


class ModelJudge:
    def __init__(
        self,
        chat: ChatModel,
        manner: Manner = Manner(),
        passport: Passport | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._chat, self._manner, self._passport = chat, manner, passport
        self._gate = gate or Gate(IN_FLIGHT)

    @property
    def name(self) -> str:
        return self._chat.name

    @property
    def fingerprint(self) -> str:
        return fingerprint(self._chat.name, self._manner)

    @property
    def agreement(self) -> str:
        return str(self._passport or UNCALIBRATED)

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        found: dict[str, Verdict] = {}

        def keep(verdict: Verdict) -> None:
            found[verdict.criterion_id] = verdict
            heard(verdict)

        evidence = evidence_in(answer)
        texts = [one.criterion for one in rubric.criteria]
        nothing = says_nothing(evidence, conversation.question, texts)
        for one in rubric.criteria:
            if counted := by_count(one, answer):
                keep(counted)
            elif nothing and one.points > 0:
                keep(unmet_by_nothing(one))
        left = [one for one in rubric.criteria if one.id not in found]
        case = _Case(shared_part(conversation, answer), evidence, keep)
        await asyncio.gather(*(self._judge(case, criteria) for criteria in self._groups(left)))
        return tuple(found[one.id] for one in rubric.criteria)

    def _groups(self, criteria: Sequence[Criterion]) -> list[Sequence[Criterion]]:
        """What is asked together; critical criteria first, each by itself."""
        alone = [[one] for one in criteria if one.critical]
        others = [one for one in criteria if not one.critical]
        size = self._manner.pack if self._manner.mode == "packed" else 1
        return [*alone, *(others[start : start + size] for start in range(0, len(others), size))]

    async def _judge(self, case: _Case, criteria: Sequence[Criterion]) -> None:
        fast = self._manner.mode == "fast" and not criteria[0].critical
        if not (fast and await self._at_a_glance(case, criteria[0])):
            await self._in_full(case, criteria)

    async def _in_full(self, case: _Case, criteria: Sequence[Criterion], attempt: int = 0) -> None:
        """Ask until the reply can be read."""
        prompt = Message(role="user", content=case.shared + question_about(criteria))
        sampling, schema = self._sampling(len(criteria), attempt), schema_for(criteria)
        try:
            async with self._gate:
                reply = await self._chat.complete([prompt], sampling, schema)
            opinions = opinions_in(reply.text, criteria)
        except UnreadableReply as error:
            await self._again(case, criteria, attempt + 1, error)
        except ModelError as error:
            _fail(case, criteria, "no_reply", str(error))
        else:
            for one in criteria:
                case.keep(self._checked(case, one, opinions[one.id]))

    async def _again(
        self, case: _Case, criteria: Sequence[Criterion], attempt: int, error: UnreadableReply
    ) -> None:
        """The next attempt; for the last one a pack is taken apart."""
        if attempt == ATTEMPTS:
            why = f"unreadable reply in {attempt} attempts: {error}"
            _fail(case, criteria, "unreadable", why)
        elif attempt == ATTEMPTS - 1:
            await asyncio.gather(*(self._in_full(case, [one], attempt) for one in criteria))
        else:
            await self._in_full(case, criteria, attempt)

    def _sampling(self, criteria: int, attempt: int) -> Sampling:
        """The first reading as configured; a later one must differ, or it would fail the same way.

        Thinking is off, then on for a model that cannot do without, then off again.
        """
        thinks = attempt == 1
        tokens = TOKENS_A_CRITERION * (criteria + 1) + (TOKENS_FOR_THINKING if thinks else 0)
        return Sampling(
            temperature=self._manner.temperature if attempt == 0 else 0.7,
            max_tokens=tokens,
            seed=self._manner.seed * ATTEMPTS + attempt,
            thinking=thinks,
        )

    def _checked(self, case: _Case, criterion: Criterion, opinion: Opinion) -> Verdict:
        """The opinion as a verdict; a MET without its evidence is none."""
        verdict = Verdict(criterion_id=criterion.id, **opinion.model_dump())
        if opinion.verdict == "ABSTAIN":
            return verdict.model_copy(update={"reason": "undecided"})
        return borne_out(verdict, case.evidence, self._manner.quote_policy == "lenient")

    async def _at_a_glance(self, case: _Case, criterion: Criterion) -> bool:
        """Judge by the chance of one word; False where that leaves doubt."""
        chance = await self._chance(case, criterion)
        if chance is None or 1 - SURE < chance < SURE:
            return False
        said = f"probability {chance:.2f} of being met, by one word"
        verdict = Verdict(
            criterion_id=criterion.id, verdict="UNMET", explanation=said, probability=chance
        )
        if chance >= SURE:
            if not (quote := nearest_words(criterion.criterion, case.evidence)):
                return False
            said += "; the quote was chosen by its wording"
            met = {"verdict": "MET", "explanation": said, "quote": quote}
            verdict = verdict.model_copy(update=met)
        case.keep(verdict)
        return True

    async def _chance(self, case: _Case, criterion: Criterion) -> float | None:
        """Of being met, calibrated if there is a passport; None where the model does not say."""
        prompt = Message(role="user", content=case.shared + one_word_about(criterion))
        sampling = Sampling(max_tokens=1, likeliest=LIKELIEST, thinking=False)
        try:
            async with self._gate:
                reply = await self._chat.complete([prompt], sampling)
        except ModelError:
            return None  # asked in full, the error will show itself
        chance = _chance_of_met(reply.first_token)
        if chance is None or self._passport is None:
            return chance
        return self._passport.calibrated(chance)


def fingerprint(model: str, manner: Manner) -> str:
    """What the verdicts of a model asked in this manner depend on."""
    return f"{model} | {manner} | prompt {PROMPT_HASH}"


def _chance_of_met(first_token: Mapping[str, float]) -> float | None:
    """The chance of MET among the two words; None where neither is likely."""
    chances = {"MET": 0.0, "UNMET": 0.0}
    for token, chance in first_token.items():
        for word in chances:
            if (said := token.strip().upper()) and word.startswith(said):
                chances[word] += chance
    known = sum(chances.values())
    return chances["MET"] / known if known >= 0.5 else None


def _fail(case: _Case, criteria: Sequence[Criterion], reason: Reason, why: str) -> None:
    for one in criteria:
        failed = Verdict(criterion_id=one.id, verdict="ERROR", explanation=why, reason=reason)
        case.keep(failed)
