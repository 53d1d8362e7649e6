"""Where a clinician stands between the agent and the reader: accept, edit, or send back."""

from typing import Literal, Self

from langgraph.types import interrupt
from pydantic import model_validator

from agent.state import Episode, State, episode_of
from inference.words import Word, read
from rubrics.types import Criterion, Score, Verdict


class Decision(Word):
    """What a clinician decides."""

    action: Literal["accept", "edit", "send_back"]
    text: str = ""
    """The edited answer, or what is to be changed."""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if (self.action == "accept") == bool(self.text.strip()):
            raise ValueError("a text with edit and send_back, and none with accept")
        return self


class LaidOpen(Word):
    """What a clinician decides on."""

    answer: str
    score: Score | None
    stop_reason: str
    open: tuple[Criterion, ...]
    """Criteria that are missed, harmful and met, or were not judged."""
    verdicts: tuple[Verdict, ...]
    """Of the open ones."""
    refused: str = ""
    """Why the newest revision was not accepted, if it was not."""


async def approve(state: State) -> State:
    """Wait for the decision; it may come in another process, days later.

    Raises:
        BadInput: it is none.
    """
    laid_open = _laid_open(episode_of(state)).model_dump(mode="json")
    decision = read(Decision, interrupt(laid_open), "decision")
    if decision.action == "edit":
        return State(answer=decision.text, truncated=False, by="clinician")
    if decision.action == "send_back":
        return State(wanted=decision.text, stop_reason=None)
    return State()


def after_approval(state: State) -> Literal["assess", "revise", "stop"]:
    """An edited answer is judged once more, for the record; one sent back is revised."""
    if state.get("wanted"):
        return "revise"
    last = state["attempts"][-1]["answer"] if state["attempts"] else ""
    is_new = state["by"] == "clinician" and state["answer"] != last
    return "assess" if is_new else "stop"


def _laid_open(episode: Episode) -> LaidOpen:
    if not episode.attempts or episode.written is None:
        return LaidOpen(
            answer=episode.answer,
            score=None,
            stop_reason=episode.stop_reason or "",
            open=(),
            verdicts=(),
        )
    attempt = episode.attempts[episode.chosen]
    good = {one.id: "MET" if one.points > 0 else "UNMET" for one in episode.written.rubric.criteria}
    verdicts = tuple(
        one
        for one in attempt.verdicts
        if one.verdict not in (good[one.criterion_id], "NOT_APPLICABLE")
    )
    ids = {one.criterion_id for one in verdicts}
    newest = episode.flips[-1] if episode.flips else None
    return LaidOpen(
        answer=attempt.answer,
        score=attempt.score,
        stop_reason=episode.stop_reason or "",
        open=tuple(one for one in episode.written.rubric.criteria if one.id in ids),
        verdicts=verdicts,
        refused=newest.why if newest and not newest.accepted else "",
    )
