"""What the agent knows while it works on one question, and what it hands over at the end."""

from typing import Literal, TypedDict

from pydantic import Field

from inference.messages import Conversation
from inference.words import Word
from mcp_server.results import Principles
from rubrics.scoring import score
from rubrics.types import Rubric, Score, Verdict
from rubrics.writer import WrittenRubric

StopReason = Literal["target_reached", "no_gain", "round_limit", "coverage_too_low"]


class Limits(Word):
    """When to stop."""

    rounds: int = Field(default=2, ge=0, le=10)
    """Revisions at most."""
    target: float = Field(default=0.9, gt=0, le=1)
    """A fraction that is good enough."""
    least_coverage: float = Field(default=0.4, ge=0, le=1)
    """Below it a score says too little to steer by."""
    principles: int = Field(default=6, ge=1, le=20)


class Attempt(Word):
    """One answer and what the judge said of it; the first is the draft, later ones revisions."""

    answer: str
    truncated: bool = False
    verdicts: tuple[Verdict, ...]
    score: Score
    """Over the judged criteria; its coverage says how many those are."""
    ungraded: str = ""
    """Why no criterion was judged, if so."""

    @classmethod
    def judged(
        cls, answer: str, truncated: bool, rubric: Rubric, verdicts: tuple[Verdict, ...], why: str
    ) -> "Attempt":
        added = score(rubric, verdicts, partial=True)
        return cls(answer=answer, truncated=truncated, verdicts=verdicts, score=added, ungraded=why)

    @property
    def fraction(self) -> float:
        """For comparing attempts: one without a fraction comes after every other."""
        return self.score.fraction if self.score.fraction is not None else float("-inf")


class Episode(TypedDict, total=False):
    """The state of the graph; each node adds what it made."""

    conversation: Conversation
    recalled: Principles
    written: WrittenRubric
    answer: str
    """The newest answer, not yet judged."""
    truncated: bool
    attempts: tuple[Attempt, ...]
    stop_reason: StopReason | None
    judge: str
    judge_agreement: str


def best(attempts: tuple[Attempt, ...]) -> int:
    """The position of the attempt to return: the highest fraction, the earliest of equals."""
    return max(range(len(attempts)), key=lambda index: (attempts[index].fraction, -index))
