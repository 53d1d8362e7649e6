"""What the two tools return: the shapes that travel, and their output schemas."""

from typing import Literal

from inference.words import Word
from principle_store.types import Found, Guidance, LibraryStamp, ReadyCriterion, Source
from rubrics.types import Criterion, Label, Score, Verdict


class FoundPrinciple(Word):
    """A principle as a search result: what an answer writer and a rubric writer need of it."""

    id: str
    statement: str
    score: float
    guidance: tuple[Guidance, ...]
    criteria: tuple[ReadyCriterion, ...]
    sources: tuple[Source, ...]
    status: str

    @classmethod
    def of(cls, found: Found) -> "FoundPrinciple":
        kept = found.principle.model_dump(include=set(cls.model_fields) - {"score"})
        return cls.model_validate({**kept, "score": found.score})


class Principles(Word):
    """The result of `get_health_principles`."""

    scenario: dict[str, Label]
    principles: tuple[FoundPrinciple, ...]
    library: LibraryStamp


class ScoredAnswer(Word):
    """The result of `score_against_rubric`. Without a score, `reason` says why."""

    status: Literal["complete", "ungraded"]
    score: Score | None
    reason: str = ""
    rubric: tuple[Criterion, ...]
    verdicts: tuple[Verdict, ...]
    judge: str
    judge_agreement: str
