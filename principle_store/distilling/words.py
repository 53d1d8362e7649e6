"""What distillation gathers, finds and proposes. Pure data."""

from typing import Literal

from pydantic import Field

from inference.messages import Conversation
from inference.words import Word
from rubrics.types import Points, Text

Relation = Literal["new", "refines", "duplicate"]
CELL = ("urgency", "task_type", "expertise")
"""The dimensions by which coverage is told."""


class Shown(Word):
    """An answer, and whether somebody found a criterion met in it."""

    conversation: Conversation
    answer: Text
    met: bool


class Gathered(Word):
    """One criterion of one row, with where it stands."""

    text: Text
    points: Points
    line: int
    prompt_id: str
    """Empty where the row has none."""
    criterion_id: str
    reviewer: str = ""
    """Who wrote or verified the row, as it says itself."""
    scenario: dict[str, str] = Field(default={})
    """Dimension -> value; a dimension of which nothing is known is absent."""
    principle_ids: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()

    @property
    def cell(self) -> tuple[str, ...]:
        return tuple(self.scenario.get(name, "") for name in CELL)


class Merge(Word):
    """Why criteria that were found apart stand together, or one stands apart."""

    what: Literal["clusters", "twins", "singles", "singles_together", "by_model", "left_out"]
    into: str
    """The cluster's name."""
    joined: tuple[str, ...]
    """The names of clusters, or `line:criterion_id` of single criteria."""
    likeness: float | None = None
    """The cosine that decided; None where a model did."""


class Cluster(Word):
    """Criteria that want the same."""

    name: str
    members: tuple[int, ...]
    """Places among the gathered criteria; the most typical one first."""
    merges: tuple[Merge, ...] = ()


class Clustered(Word):
    """All criteria, each in one cluster or single."""

    clusters: tuple[Cluster, ...]
    single: tuple[int, ...] = ()
    """Places of those that no cluster took."""


class Wish(Word):
    """What the members of a cluster come to, as a criterion has it."""

    criterion: Text
    points: Points


class Draft(Word):
    """What a principle says, before anybody knows its sources."""

    statement: Text
    rationale: str = ""
    criteria: tuple[Wish, ...] = Field(min_length=1, max_length=4)
    guidance: tuple[str, ...] = ()
    """Instructions to whoever answers."""
    scenario: dict[str, tuple[str, ...]] = Field(default={})
    """Dimension -> values; one that is absent does not matter."""
    by: str = "medoid"
    """The model that wrote it, or that it is the most typical member's own words."""
    note: str = ""
    """What a model was asked for and did not give."""


class Evaluation(Word):
    """A draft's criteria against the verdicts of its members on their answers."""

    agreement: float | None = None
    """Share of verdicts that come out the same; None where there were none to compare."""
    compared: int = 0
    left_open: int = 0
    """Answers of which the judge would not say."""
    rounds: int = 0
    """Revisions that were tried."""
    first: float | None = None
    """The agreement before any revision."""
    judge: str = ""


class Nearest(Word):
    """The library's principle beside a draft; what is `new` has a nearest one all the same."""

    relation: Relation
    principle_id: str = ""
    likeness: float = 0.0


class Proposal(Word):
    """A principle that the rubrics want, with everything it rests on."""

    id: str
    draft: Draft
    cluster: Cluster
    nearest: Nearest
    evaluation: Evaluation | None = None
    """None: not evaluated."""
    gain: float = 0.0
    """What it added to the coverage when it was chosen."""


class Distilled(Word):
    """The outcome: every gathered criterion is in one proposal, one left cluster, or single."""

    gathered: tuple[Gathered, ...]
    proposals: tuple[Proposal, ...]
    left: tuple[Cluster, ...] = ()
    """Clusters that were not chosen."""
    single: tuple[int, ...] = ()
