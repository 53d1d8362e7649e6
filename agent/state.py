"""What the agent knows while it works on one question, and what it hands over at the end.

The graph's `State` holds JSON alone, so that any checkpoint can be read by eye and nothing but data
is ever loaded from one; `Episode` is the same in types.
"""

from typing import Any, Literal, TypedDict

from pydantic import Field

from inference.messages import Conversation
from inference.words import Word, read
from mcp_server.results import Principles
from rubrics.scoring import score
from rubrics.types import Rubric, Score, Verdict, VerdictValue
from rubrics.writer import WrittenRubric

StopReason = Literal[
    "target_reached",
    "no_gain",  # the revision scored no better
    "regression_refused",  # the revision scored better and lost what may not be lost
    "round_limit",
    "call_budget",
    "token_budget",
    "time_budget",
    "coverage_too_low",  # the judge left too much open to steer by
    "needs_information",  # a missing fact would change the advice, and the answer asks for it
]
ToolsBy = Literal["graph", "model"]
Author = Literal["policy", "clinician"]
Why = Literal["", "no_gain", "regression_refused"]


class Limits(Word):
    """When to stop."""

    rounds: int = Field(default=2, ge=0, le=10)
    """Revisions at most."""
    target: float = Field(default=0.9, gt=0, le=1)
    """A fraction that is good enough."""
    least_coverage: float = Field(default=0.4, ge=0, le=1)
    """Below it a score says too little to steer by."""
    principles: int = Field(default=6, ge=1, le=20)
    repairs: int = Field(default=5, ge=1, le=20)
    """Missed criteria that a revision takes on, those of the highest expected value."""
    calls: int | None = Field(default=None, ge=1)
    """Of policy and writer, in all."""
    tokens: int | None = Field(default=None, ge=1)
    """That policy and writer write, in all."""
    seconds: float | None = Field(default=None, gt=0)
    """Of work, also over several processes."""


class Spent(Word):
    calls: int = 0
    tokens: int = 0
    seconds: float = 0


class Attempt(Word):
    """One answer and what the judge said of it; the first is the draft, later ones revisions."""

    answer: str
    truncated: bool = False
    """The model was cut off; such an answer is never the better one."""
    verdicts: tuple[Verdict, ...]
    score: Score
    """Over the judged criteria; its coverage says how many those are."""
    ungraded: str = ""
    """Why no criterion was judged, if so."""
    by: Author = "policy"
    accepted: bool = True
    """False for a revision that was refused."""

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

    def value(self, criterion_id: str) -> VerdictValue:
        return next(one.verdict for one in self.verdicts if one.criterion_id == criterion_id)


class Change(Word):
    """A criterion whose verdict differs between two attempts."""

    criterion_id: str
    before: VerdictValue
    after: VerdictValue
    quote: str = ""
    """The words that show the MET among the two."""


class Flips(Word):
    """What a revision gained and lost against the attempt it revised."""

    round: int
    accepted: bool
    why: Why = ""
    """Why it was refused."""
    gained: tuple[Change, ...] = ()
    lost: tuple[Change, ...] = ()


class Episode(Word):
    """One question from its principles to its answer."""

    conversation: Conversation
    recalled: Principles
    written: WrittenRubric | None = None
    referral: str = ""
    """What stands at the top of every answer, since the question tells of an emergency."""
    attempts: tuple[Attempt, ...] = ()
    flips: tuple[Flips, ...] = ()
    """One a revision that was judged."""
    stop_reason: StopReason | None = None
    judge: str = ""
    judge_agreement: str = ""
    spent: Spent = Spent()
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> int:
        """The position of the attempt that is returned: the last that was accepted."""
        return max((place for place, one in enumerate(self.attempts) if one.accepted), default=-1)

    @property
    def answer(self) -> str:
        """The answer; without any attempt the referral alone, or nothing."""
        return self.attempts[self.chosen].answer if self.attempts else self.referral


class State(TypedDict, total=False):
    """The episode as the graph keeps it; each node adds what it made."""

    conversation: dict[str, Any]
    recalled: dict[str, Any]
    written: dict[str, Any] | None
    referral: str
    answer: str
    """The newest answer, not yet judged."""
    truncated: bool
    attempts: list[dict[str, Any]]
    flips: list[dict[str, Any]]
    stop_reason: StopReason | None
    judge: str
    judge_agreement: str
    spent: dict[str, Any]
    notes: list[str]
    by: Author
    """Who wrote the newest answer."""
    wanted: str
    """What a clinician wants changed, if one sent the answer back."""


EPISODE = frozenset(Episode.model_fields)


def episode_of(state: State) -> Episode:
    """The state in types.

    Raises:
        BadInput: it is no state of ours, such as one of another version.
    """
    return read(Episode, {name: state[name] for name in state if name in EPISODE}, "thread")  # type: ignore[literal-required]


def begun(conversation: Conversation) -> State:
    """The state in which nothing is done yet; it clears what an earlier question left."""
    return State(
        conversation=as_json(conversation),
        written=None,
        referral="",
        answer="",
        truncated=False,
        attempts=[],
        flips=[],
        stop_reason=None,
        judge="",
        judge_agreement="",
        spent=as_json(Spent()),
        notes=[],
        by="policy",
        wanted="",
    )


def as_json(word: Word) -> dict[str, Any]:
    return word.model_dump(mode="json", by_alias=True)
