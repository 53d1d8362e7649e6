"""The words of the project: scenario, criterion, rubric, verdict, score. Pure data.

On disk and in JSON a rubric is a list of rows in HealthBench's shape (`criterion`, `points`,
`tags`) plus optional `id`, `principle_ids` and `critical`. See `rubrics.scoring` for the sums.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from inference.words import Word, read, refusal

VerdictValue = Literal["MET", "UNMET", "ABSTAIN", "ERROR", "NOT_APPLICABLE"]
Reason = Literal[
    "",
    "unverified",  # the quote of a MET does not stand in the answer
    "undecided",  # the judge will not say
    "beyond_the_judge",  # a kind of criterion or text that this judge cannot see
    "split",  # the votes are even
    "no_content",  # the answer says nothing of its own
    "unreadable",  # the judge's replies were not in the shape asked for
    "no_reply",  # the judge's model gave none
    "not_asked",  # there was nothing to put before a judge
    "pending",  # the judge is still at work
]


def _stripped(text: str) -> str:
    if not (text := text.strip()):
        raise ValueError("text that is not empty")
    return text


def _not_zero(points: int | float) -> int | float:
    if points == 0:
        raise ValueError("a number from -10 to 10, not 0")
    return points


def _distinct(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) < len(tags):
        raise ValueError("each tag once")
    return tags


Text = Annotated[str, AfterValidator(_stripped)]
Points = Annotated[int | float, Field(ge=-10, le=10), AfterValidator(_not_zero)]


class Criterion(Word):
    """One thing that is true or false of an answer."""

    id: Text
    criterion: Text
    points: Points
    """Negative when a true verdict is bad news."""
    tags: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    principle_ids: tuple[str, ...] = ()
    """Where it comes from; empty for a criterion written by hand."""
    critical: bool = False
    """Emergency, dose or contraindication: never to be lost in a revision."""


class Rubric(Word):
    """The criteria for one question."""

    criteria: tuple[Criterion, ...]

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if not self.criteria:
            raise ValueError("at least one criterion")
        if doubled := _doubled(criterion.id for criterion in self.criteria):
            raise ValueError(
                f"a different id for each criterion; {len(doubled)} ids are used twice"
            )
        return self

    @classmethod
    def from_rows(cls, rows: Any, where: str = "rubric") -> Self:
        """Read HealthBench-shaped rows; a criterion without an id gets its position: `c1`, `c2`.

        Raises:
            inference.errors.BadInput: a row cannot be used.
        """
        if isinstance(rows, list):
            rows = [_with_id(row, position) for position, row in enumerate(rows, start=1)]
        criteria = read(tuple[Criterion, ...], rows, where)
        try:
            return cls(criteria=criteria)
        except ValidationError as error:
            raise refusal(error, where) from None

    def rows(self) -> list[dict[str, Any]]:
        return [criterion.model_dump(mode="json") for criterion in self.criteria]


class Verdict(Word):
    """What a judge says of one criterion."""

    criterion_id: str
    verdict: VerdictValue
    explanation: str = ""
    quote: str = ""
    """The words of the answer that show it; asked for with MET."""
    reason: Reason = ""
    """Why there is no plain verdict, or what is to be known beside it, in one word."""
    probability: float | None = Field(default=None, ge=0, le=1)
    """Of being met, where the judge gives one."""
    # A factory: pydantic copies defaults deeply, each time. The schema still tells it.
    votes: dict[str, int] = Field(default_factory=dict, json_schema_extra={"default": {}})
    """How many votes each verdict got, where several were asked for."""


def unjudged(rubric: Rubric, why: str) -> tuple[Verdict, ...]:
    """An ERROR for every criterion: for what could not be put before a judge."""
    return tuple(
        Verdict(criterion_id=criterion.id, verdict="ERROR", explanation=why, reason="not_asked")
        for criterion in rubric.criteria
    )


class Score(Word):
    """What an answer earned. Fractions are shares of the possible points and may be negative."""

    earned: int | float
    """Points of MET criteria, negative ones included."""
    possible: int | float
    """Positive points of the applicable criteria; of the judged ones in a partial score."""
    fraction: float | None
    """Earned over possible; None while a criterion is open, and without positive points."""
    lower: float | None
    """The fraction if every open criterion went against the answer."""
    upper: float | None
    """The fraction if every open criterion went in its favour."""
    coverage: float
    """Judged criteria over applicable ones, 0 to 1."""
    tags: dict[str, float | None] = Field(default_factory=dict, json_schema_extra={"default": {}})
    """The fraction over each tag's criteria alone; a tag without positive points is absent."""


class Ungraded(Word):
    """No score could be had, which is not a bad score."""

    reason: str


class Label(Word):
    """One value of a scenario; an empty value says that nothing could be told."""

    value: str = ""
    confidence: float = Field(default=0.0, ge=0, le=1)
    from_: str = Field(default="", alias="from")
    """Who says so: `given`, `wording`, `examples` or `model`."""


class Scenario(Word):
    """The kind of situation a question is in: a label for each dimension of the taxonomy."""

    labels: dict[str, Label] = Field(default={})

    def value(self, dimension: str) -> str:
        return self.labels[dimension].value if dimension in self.labels else ""

    def as_json(self) -> dict[str, Any]:
        return {name: label.model_dump(by_alias=True) for name, label in self.labels.items()}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        return cls(labels=read(dict[str, Label], given, "scenario"))


def _with_id(row: Any, position: int) -> Any:
    return {"id": f"c{position}", **row} if isinstance(row, dict) else row


def _doubled(ids: Any) -> list[str]:
    return [one for one, times in Counter(ids).items() if times > 1]
