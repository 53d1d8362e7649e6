"""Answers of the policy to one question, and what a judge says of them by a rubric."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from inference.chat import ChatModel, Sampling
from inference.messages import Conversation
from inference.words import Word
from mcp_server.arguments import MOST_ANSWER_CHARACTERS
from mcp_server.client import HealthTools
from rubrics.scoring import JUDGED
from rubrics.types import Criterion, Rubric

TOKENS_ANSWER = 1024


class Difficulty(Word):
    """How answers fared by a rubric; fractions of its points."""

    mean: float
    spread: float
    """Between the best and the worst."""
    answers: int


class Judged(Word):
    """Several answers by one rubric."""

    shares: dict[str, float]
    """Criterion id -> share of the answers that meet it, of those where the judge decided."""
    fractions: tuple[float, ...]
    """Of answers whose every criterion was decided."""

    def difficulty(self) -> Difficulty | None:
        """None where no answer was judged whole."""
        if not (said := self.fractions):
            return None
        mean, spread = sum(said) / len(said), max(said) - min(said)
        return Difficulty(mean=round(mean, 4), spread=round(spread, 4), answers=len(said))


def brought(row: Mapping[str, Any]) -> list[str]:
    """The answers that a row brings: texts, or objects with `answer`; none too long to judge."""
    rows = row.get("answers")
    said = [one.get("answer") if isinstance(one, Mapping) else one for one in _listed(rows)]
    texts = (one for one in said if isinstance(one, str) and one.strip())
    return [one for one in texts if len(one) <= MOST_ANSWER_CHARACTERS]


async def sampled(policy: ChatModel, asked: Conversation, number: int, seed: int) -> list[str]:
    """Answers of the policy, each with its own seed; empty and cut ones are left out.

    Raises:
        ModelError: it gave no reply.
    """
    samplings = [
        Sampling(temperature=1.0, max_tokens=TOKENS_ANSWER, seed=seed + place)
        for place in range(number)
    ]
    replies = await asyncio.gather(
        *(policy.complete(asked.messages, sampling) for sampling in samplings)
    )
    return [one.text for one in replies if one.text.strip() and not one.truncated]


async def judged(
    tools: HealthTools, asked: Conversation, answers: Sequence[str], criteria: Sequence[Criterion]
) -> Judged:
    """The answers by a rubric of these criteria.

    Raises:
        ToolRefused: the tool would not.
    """
    rubric = Rubric(criteria=tuple(criteria))
    scored = await asyncio.gather(
        *(tools.score_against_rubric(asked, answer, rubric) for answer in answers)
    )
    said: dict[str, list[bool]] = {}
    for one in scored:
        for verdict in one.verdicts:
            if verdict.verdict in JUDGED:
                said.setdefault(verdict.criterion_id, []).append(verdict.verdict == "MET")
    fractions = [one.score.fraction for one in scored if one.score]
    return Judged(
        shares={id: sum(met) / len(met) for id, met in said.items() if len(met) > 1},
        fractions=tuple(one for one in fractions if one is not None),
    )


def _listed(rows: Any) -> list[Any]:
    return rows if isinstance(rows, list) else []
