"""What the rubric writer is given, how it may be set, and what it hands over. Pure data."""

from typing import Literal, Self

from pydantic import Field

from inference.errors import BadInput
from inference.words import Word
from rubrics.types import Criterion, Rubric

MOST_CRITERIA = 12
MOST_MISSING = 3  # things to ask for; more is an interrogation
LONGEST_CRITERION = 240  # characters
ASKING, INVENTING, OTHER = "asking", "inventing", "other"
HARM, SITUATION = "harm", "situation"
"""What a criterion is for, beside the items of a care list."""
AtRisk = Literal["likely", "maybe", "unlikely"]
AT_RISK: tuple[AtRisk, ...] = ("likely", "maybe", "unlikely")


class WriterOptions(Word):
    """How a model writes rubrics; each switch can be measured by itself."""

    contrast: bool = True
    """Draft two answers of opposed stances first, and write what tells them apart."""
    sweep: bool = True
    """Decide each item of a care list: a criterion, or why not."""
    atomic: bool = True
    """Split or drop criteria that name two things."""
    asking: bool = True
    """Want missing facts asked for, and nothing invented in their place."""
    length: bool = True
    """Set a budget of words, with points lost far above it."""
    ranking: bool = True
    """Order criteria by what they are worth times the chance that a plain answer loses it."""
    harms: bool = False
    """Have a criterion added that takes points, where there is none."""
    situation: bool = False
    """Have one added for what the asker's situation calls for, where there is none."""
    most: int = Field(default=MOST_CRITERIA, ge=3, le=20)
    """Criteria of one rubric."""
    attempts: int = Field(default=3, ge=1, le=5)
    """At a rubric that can be used; each after the first does without one more part."""

    @classmethod
    def plain(cls) -> Self:
        """Every switch off: what the others are measured against."""
        return cls(
            contrast=False, sweep=False, atomic=False, asking=False, length=False, ranking=False
        )

    @classmethod
    def of(cls, said: str) -> Self:
        """`full`, `plain`, or the switches that are on, separated by commas.

        Raises:
            BadInput: one of them is not there.
        """
        if said in ("", "plain", "full"):
            return cls() if said == "full" else cls.plain()
        on = [one.strip() for one in said.split(",")]
        for one in on:
            if one not in SWITCHES:
                raise BadInput("writing", f"plain, full, or some of {', '.join(SWITCHES)}", one)
        return cls.plain().model_copy(update=dict.fromkeys(on, True))

    @property
    def most_calls(self) -> int:
        """Calls of one rubric at most: the two answers, the attempts, one repair."""
        return int(self.contrast) + self.attempts + 1

    @property
    def places(self) -> int:
        """For criteria of the model's own; one is kept for the length."""
        return self.most - int(self.length)

    def lighter(self) -> Self:
        """Without the part that costs the most words."""
        parts = ("contrast", "sweep")
        heaviest = next((part for part in parts if getattr(self, part)), None)
        return self.model_copy(update={heaviest: False}) if heaviest else self


SWITCHES = tuple(name for name, one in WriterOptions.model_fields.items() if one.default is True)


class Hint(Word):
    """What the writer may know of a principle."""

    principle_id: str
    statement: str
    criteria: tuple[Criterion, ...]


class Proposed(Word):
    """A criterion on its way into a rubric; its id is not yet its last."""

    criterion: Criterion
    care: str = OTHER
    """The care item that it answers."""
    at_risk: AtRisk = "maybe"
    """That a plain answer loses points here: lacks the good thing, or does the bad one."""


class Dropped(Word):
    """A criterion that a model wrote and nobody will be judged by."""

    criterion: str
    reason: str


class WrittenRubric(Word):
    rubric: Rubric
    written_by: str
    note: str = ""
    """What a model was asked for and did not give: the whole rubric, or a part of the work."""
    length_budget_words: int | None = None
    """Words that serve this reader; None where no budget was wanted."""
    calls: int = 0
    """Calls of the model, failed ones too."""
    dropped: tuple[Dropped, ...] = ()
    ranked: tuple[str, ...] = ()
    """Criterion ids, those a revision gains most by first; empty if no ranking was wanted."""
    waived: str = ""
    """Why no criterion looks at the asker's situation, where one was wanted."""
    sweep: dict[str, str] = Field(default={})
    """Of each care item: `criterion`, why it has none, or `undecided`."""
