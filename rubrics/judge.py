"""Asks a model whether each criterion of a rubric is met by an answer.

It adds nothing up (see `rubrics.scoring`). One criterion a call, as in HealthBench's reference
grader. A reply that cannot be read, and a model that does not answer, make the verdict ERROR, never
UNMET; a MET whose quote does not stand in the answer becomes ABSTAIN.
"""

import asyncio
from importlib.resources import files
from typing import Literal, Protocol

from inference.chat import ChatModel, Sampling
from inference.errors import BadInput, ModelError
from inference.messages import Conversation, Message
from inference.templates import fill
from inference.words import Word, read
from rubrics.errors import UnreadableReply
from rubrics.fencing import fenced
from rubrics.parsing import is_quoted, json_object
from rubrics.types import Criterion, Rubric, Verdict

ATTEMPTS = 3  # readings of one criterion before its verdict is ERROR
IN_FLIGHT = 16  # calls at once
PROMPT = (files("rubrics") / "prompts" / "judge.md").read_text(encoding="utf-8")


class Judge(Protocol):
    @property
    def name(self) -> str:
        """How results name it."""

    @property
    def agreement(self) -> str:
        """Its measured agreement with physicians, or that none was measured."""

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        """One verdict a criterion, in the rubric's order. Never raises for a failed judgement."""


class _Reply(Word):
    """What the model is asked to write, in this order: reasons come before the decision."""

    explanation: str
    quote: str
    verdict: Literal["MET", "UNMET", "NOT_APPLICABLE", "ABSTAIN"]


SCHEMA = {
    "type": "object",
    "properties": {
        "explanation": {"type": "string", "maxLength": 600},
        "quote": {"type": "string", "maxLength": 300},
        "verdict": {"type": "string", "enum": ["MET", "UNMET", "NOT_APPLICABLE", "ABSTAIN"]},
    },
    "required": ["explanation", "quote", "verdict"],
    "additionalProperties": False,
}


class ModelJudge:
    agreement = "uncalibrated: agreement with physicians not measured"

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    @property
    def name(self) -> str:
        return self._chat.name

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric
    ) -> tuple[Verdict, ...]:
        places = asyncio.Semaphore(IN_FLIGHT)

        async def judged(criterion: Criterion) -> Verdict:
            async with places:
                return await self._verdict(conversation, answer, criterion)

        return tuple(await asyncio.gather(*map(judged, rubric.criteria)))

    async def _verdict(
        self, conversation: Conversation, answer: str, criterion: Criterion
    ) -> Verdict:
        prompt = fill(
            PROMPT,
            conversation=fenced(conversation.as_text()),
            answer=fenced(answer),
            criterion=fenced(criterion.criterion),
        )
        reason = ""
        for attempt in range(ATTEMPTS):
            # The first reading is greedy; a later one must differ, or it would fail the same way.
            sampling = Sampling(temperature=0.0 if attempt == 0 else 0.7, seed=attempt)
            try:
                said = await self._chat.complete(
                    [Message(role="user", content=prompt)], sampling, SCHEMA
                )
                return _checked(_read(said.text), answer, criterion)
            except UnreadableReply as error:
                reason = f"unreadable reply in {attempt + 1} attempts: {error}"
            except ModelError as error:
                return Verdict(criterion_id=criterion.id, verdict="ERROR", explanation=str(error))
        return Verdict(criterion_id=criterion.id, verdict="ERROR", explanation=reason)


def _read(text: str) -> _Reply:
    try:
        return read(_Reply, json_object(text), "reply")
    except BadInput as error:
        raise UnreadableReply(error.without_values()) from None


def _checked(reply: _Reply, answer: str, criterion: Criterion) -> Verdict:
    """The reply as a verdict; a MET without its evidence is no verdict."""
    if reply.verdict == "MET" and not is_quoted(reply.quote, answer):
        return Verdict(
            criterion_id=criterion.id,
            verdict="ABSTAIN",
            explanation=f"unverified: the quote does not stand in the answer. {reply.explanation}",
        )
    return Verdict(criterion_id=criterion.id, **reply.model_dump())
