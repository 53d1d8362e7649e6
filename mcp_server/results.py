"""What the tools return: the shapes that travel, and their output schemas."""

from typing import Literal

from inference.words import Word
from principle_store.types import Examples, Found, Guidance, LibraryStamp, Principle, Source
from rubrics.types import Criterion, Label, Score, Verdict

Verbosity = Literal["compact", "full"]


class Background(Word):
    """What else is known of a principle, for people who check or extend it."""

    rationale: str
    scenario: dict[str, tuple[str, ...]]
    """For each dimension the values it applies to; a dimension it leaves open is absent."""
    evidence: str
    source_check: str
    """How and when the sources were checked, or `unchecked`."""
    version: int
    examples: Examples | None

    @classmethod
    def of(cls, principle: Principle) -> "Background":
        return cls(
            rationale=principle.rationale,
            scenario={name: scope for name, scope in principle.scenario.items() if scope != "any"},
            evidence=principle.evidence,
            source_check=principle.source_check,
            version=principle.version,
            examples=principle.examples,
        )


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
    background: Background | None = None
    """With `verbosity` full."""

    @classmethod
    def of(cls, found: Found, verbosity: Verbosity = "compact") -> "FoundPrinciple":
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
            background=Background.of(principle) if verbosity == "full" else None,
        )


class Principles(Word):
    """The result of `get_health_principles`."""

    scenario: dict[str, Label]
    language: str
    """Of the question, in two letters."""
    principles: tuple[FoundPrinciple, ...]
    raised: tuple[str, ...] = ()
    """Principles for emergencies that the question's words give away, by a rule."""
    library: LibraryStamp
    note: str = ""
    """Why a model's reading of the question was not used, if one was asked for."""


class ToGrade(Word):
    """One criterion for the caller to judge; its points are kept from whoever judges."""

    criterion_id: str
    criterion: str


class GradingPacket(Word):
    """What a caller needs to judge an answer itself, since the server has no judge."""

    rules: tuple[str, ...]
    criteria: tuple[ToGrade, ...]
    verdict_schema: dict[str, object]
    """The JSON schema of one entry of `verdicts`."""
    principle_ids: tuple[str, ...]
    """To be given again, so that the rubric is the same; empty when a rubric was given."""
    next_call: str
    """What to call when the verdicts are there."""


class ScoredAnswer(Word):
    """The result of `score_against_rubric` and of `get_score`."""

    status: Literal["complete", "partial", "needs_verdicts", "ungraded"]
    """`partial`: the time was over first; the judging goes on and `get_score` brings the rest."""
    score: Score | None
    """With status complete and partial; a partial one has bounds and no fraction."""
    reason: str = ""
    """Why it is not complete."""
    job_id: str = ""
    """Of a partial result, for `get_score`."""
    rubric_id: str = ""
    """The rubric can be read at rubrics://{rubric_id} while the server runs."""
    rubric: tuple[Criterion, ...]
    verdicts: tuple[Verdict, ...]
    """One a criterion, in the rubric's order; those not judged yet have the reason `pending`."""
    packet: GradingPacket | None = None
    """With status needs_verdicts."""
    judge: str
    judge_agreement: str
    library: LibraryStamp
    audit_id: str = ""
    """Of the line that was kept, when the verdicts were the caller's."""
