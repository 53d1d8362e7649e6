"""What a principle is made of, and what a search over principles brings back."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from inference.words import Word
from rubrics.types import Criterion, Points, Text

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
AxisTag = Literal[
    "axis:accuracy",
    "axis:completeness",
    "axis:communication_quality",
    "axis:context_awareness",
    "axis:instruction_following",
]


class ReadyCriterion(Word):
    """A criterion that the principle brings along; its id is the principle's and its position."""

    criterion: Text
    points: Points
    tags: tuple[AxisTag, ...]
    critical: bool = False


class Guidance(Word):
    """Either a sentence an answer may use word for word, or an instruction to whoever answers."""

    say: Text | None = None
    do: Text | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> Self:
        if (self.say is None) == (self.do is None):
            raise ValueError("either `say` or `do`")
        return self


class Source(Word):
    organisation: Text
    title: Text
    year: int = Field(ge=1900, le=2100)
    url: Annotated[str, StringConstraints(pattern=r"^https://")]


class Examples(Word):
    """One answer that meets the criteria and one that does not, of about equal length."""

    passing: Text
    failing: Text


class Principle(Word):
    """A sourced statement of good clinical communication or care."""

    id: Slug
    statement: Text
    rationale: str
    """Why; empty in a draft from outside that does not say."""
    reach: Literal["general", "topical"]
    """General ones belong to all questions of their scenario, topical ones to their topic."""
    scenario: dict[str, Literal["any"] | tuple[str, ...]]
    """For each dimension the values it applies to, or `any`; any for one that is not named."""
    asked_as: tuple[Text, ...] = ()
    """Typical questions in the askers' own words, by which the principle is found."""
    search_words: dict[Language, tuple[Text, ...]] = Field(default={})
    """Words that people of other languages use in such a question; the embedder is English."""
    criteria: tuple[ReadyCriterion, ...] = Field(min_length=1, max_length=4)
    guidance: tuple[Guidance, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    source_check: Text
    """How and when the sources were checked, or `unchecked`."""
    evidence: Literal["guideline", "systematic_review", "regulation", "consensus", "good_practice"]
    status: Literal["drafted", "reviewed", "verified"]
    version: int = Field(ge=1)
    examples: Examples | None = None
    """Lacking in drafts from outside alone."""

    def applies_to(self, dimension: str, value: str) -> bool:
        scope = self.scope(dimension)
        return scope == "any" or value in scope

    def scope(self, dimension: str) -> Literal["any"] | tuple[str, ...]:
        return self.scenario.get(dimension, "any")

    @property
    def is_critical(self) -> bool:
        return any(criterion.critical for criterion in self.criteria)

    def ready_criteria(self) -> tuple[Criterion, ...]:
        """The criteria as a rubric holds them, named by the principle and their position."""
        return tuple(
            Criterion(
                id=f"{self.id}.{position}", principle_ids=(self.id,), **criterion.model_dump()
            )
            for position, criterion in enumerate(self.criteria, start=1)
        )

    def sayings(self) -> list[str]:
        return [guidance.say for guidance in self.guidance if guidance.say]

    def good_criteria(self) -> tuple[str, ...]:
        """What a good answer holds by this principle; its statement if no criterion says so."""
        good = tuple(one.criterion for one in self.criteria if one.points > 0)
        return good or (self.statement,)

    def searched_texts(self) -> tuple[str, ...]:
        """All that stands for it in the index: what it says, how people ask, what it wants."""
        return (f"{self.statement} {self.rationale}", *self.asked_as, *self.good_criteria())


class Library(Word):
    """All principles of one release."""

    version: str
    hash: str
    """Of every principle's content, in order of id."""
    principles: tuple[Principle, ...]

    def searched_texts(self) -> list[str]:
        return [text for principle in self.principles for text in principle.searched_texts()]


class LibraryStamp(Word):
    """Which library an answer comes from."""

    version: str
    hash: str


class Found(Word):
    """A principle that a search brought back."""

    principle: Principle
    score: float
    """Likeness to the question plus the scenario's bonus; comparable within one search only."""
    on_topic: bool = True
    """False for one that only fills up: the next nearest, about something else."""
    why: str = ""
    """What brought it back, for people."""
