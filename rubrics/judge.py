"""The port to a judge: from a conversation, an answer and a rubric to verdicts.

See `rubrics.model_judge`, `rubrics.builtin_judge` and `rubrics.panel` for judges, and
`rubrics.verdict_cache` for one that remembers.
"""

from collections.abc import Callable
from typing import Literal, Protocol

from inference.messages import Conversation
from rubrics.types import Rubric, Verdict

Mode = Literal["single", "packed", "fast"]
"""How a model is asked: one criterion a call, several, or first by the chance of one word."""

Heard = Callable[[Verdict], None]


def unheard(_: Verdict) -> None:
    """For callers that wait for all verdicts."""


class Judge(Protocol):
    @property
    def name(self) -> str:
        """How results name it."""

    @property
    def fingerprint(self) -> str:
        """All that its verdicts depend on: model, prompts, manner. Names cache and passport."""

    @property
    def agreement(self) -> str:
        """Its measured agreement with physicians, or that none was measured."""

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        """One verdict a criterion, in the rubric's order. Never raises for a failed judgement.

        Args:
            conversation: what was asked.
            answer: what is judged.
            rubric: by what.
            heard: is told each verdict as soon as there is one, in any order.
        """
