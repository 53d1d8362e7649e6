"""Asks a quick judge first, and a thorough one where that leaves doubt or much hangs on it."""

import asyncio

from inference.messages import Conversation
from rubrics.judge import Heard, Judge, unheard
from rubrics.passport import Passport
from rubrics.scoring import JUDGED
from rubrics.types import Criterion, Rubric, Verdict


class StagedJudge:
    """Two judges, the second for critical criteria and for what the first does not decide.

    A verdict of the first that decides stands, right or wrong: the two are measured together.
    """

    def __init__(self, first: Judge, then: Judge, passport: Passport | None = None) -> None:
        self._first, self._then, self._passport = first, then, passport

    @property
    def name(self) -> str:
        return f"{self._first.name}, then {self._then.name}"

    @property
    def fingerprint(self) -> str:
        return staged_fingerprint(self._first.fingerprint, self._then.fingerprint)

    @property
    def agreement(self) -> str:
        if self._passport:
            return str(self._passport)
        both = (self._first, self._then)
        return "; ".join(f"{one.name}: {one.agreement}" for one in both)

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        critical = [one for one in rubric.criteria if one.critical]
        others = [one for one in rubric.criteria if not one.critical]

        async def thoroughly(criteria: list[Criterion]) -> tuple[Verdict, ...]:
            if not criteria:
                return ()
            asked = Rubric(criteria=tuple(criteria))
            return await self._then.verdicts(conversation, answer, asked, heard)

        async def in_stages() -> tuple[Verdict, ...]:
            if not others:
                return ()
            asked = Rubric(criteria=tuple(others))
            first = await self._first.verdicts(conversation, answer, asked)
            decided = {one.criterion_id: one for one in first if one.verdict in JUDGED}
            for verdict in decided.values():
                heard(verdict)
            left = [one for one in others if one.id not in decided]
            return (*decided.values(), *await thoroughly(left))

        both = await asyncio.gather(thoroughly(critical), in_stages())
        found = {one.criterion_id: one for verdicts in both for one in verdicts}
        return tuple(found[one.id] for one in rubric.criteria)


def staged_fingerprint(first: str, then: str) -> str:
    """What the verdicts of two judges in this order depend on."""
    return f"staged | {first} | {then}"
