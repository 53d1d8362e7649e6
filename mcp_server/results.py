"""What the two tools return: the shapes that travel, and their output schemas."""

from typing import Literal

from inference.words import Word
from principle_store.types import Found, Guidance, LibraryStamp, Source
from rubrics.types import Criterion, Label, Score, Verdict


class FoundPrinciple(Word):
    """A principle as a search result: what an answer writer and a rubric writer need of it."""

    id: str
    statement: str
    score: float
    on_topic: bool
    """False for one that only fills up to the number asked for."""
    why: str
    guidance: tuple[Guidance, ...]
    criteria: tuple[Criterion, ...]
    """Named by the principle and their position, ready for a rubric."""
    sources: tuple[Source, ...]
    status: str

    @classmethod
    def of(cls, found: Found) -> "FoundPrinciple":
        principle = found.principle
        return cls(
            id=principle.id,
            statement=principle.statement,
            score=found.score,
            on_topic=found.on_topic,
            why=found.why,
            guidance=principle.guidance,
            criteria=principle.ready_criteria(),
            sources=principle.sources,
            status=principle.status,
        )


class Principles(Word):
    """The result of `get_health_principles`."""

    scenario: dict[str, Label]
    language: str
    """Of the question, in two letters."""
    principles: tuple[FoundPrinciple, ...]
    library: LibraryStamp
    note: str = ""
    """Why a model's reading of the question was not used, if one was asked for."""


class ScoredAnswer(Word):
    """The result of `score_against_rubric`. Without a score, `reason` says why."""

    status: Literal["complete", "ungraded"]
    score: Score | None
    reason: str = ""
    rubric: tuple[Criterion, ...]
    verdicts: tuple[Verdict, ...]
    judge: str
    judge_agreement: str
    library: LibraryStamp
