"""The step of the agent that judges: the newest answer is scored, and kept or refused."""

from typing import Any

from agent.accepting import flips
from agent.events import heard, say
from agent.nodes import ATTEMPTS, spent_by
from agent.state import Attempt, Episode, Limits, State, as_json, episode_of
from agent.stopping import stop_reason
from mcp_server.client import HealthTools
from rubrics.types import unjudged


class Judging:
    def __init__(self, tools: HealthTools, limits: Limits) -> None:
        self._tools, self._limits = tools, limits

    async def assess(self, state: State) -> State:
        """Have the newest answer judged, keep the better one, and decide whether to go on."""
        episode = episode_of(state)
        async with spent_by(state, self._limits) as made:
            newest, judge = await self._judged(state, episode)
            made.update(judge)
            made.update(_weighed(state, episode, newest))
            if state["by"] == "policy":
                made["stop_reason"] = stop_reason(episode_of({**state, **made}), self._limits)
        if "attempts" not in made and not episode.attempts:
            made["attempts"] = [as_json(_unjudged(state, episode, str(made["stop_reason"])))]
        return made

    async def _judged(self, state: State, episode: Episode) -> tuple[Attempt, State]:
        assert episode.written is not None
        answer, rubric = state["answer"], episode.written.rubric
        if not answer.removeprefix(episode.referral).strip():
            why = f"the model gave an empty answer {ATTEMPTS} times"
            return _unjudged(state, episode, why), State()
        scored = await self._tools.score_against_rubric(
            episode.conversation, answer, rubric, told=heard
        )
        newest = Attempt.judged(answer, state["truncated"], rubric, scored.verdicts, scored.reason)
        return newest, State(judge=scored.judge, judge_agreement=scored.judge_agreement)


def _weighed(state: State, episode: Episode, newest: Attempt) -> State:
    """The attempts with the newest, and what it gained and lost."""
    assert episode.written is not None
    round = len(episode.attempts)
    if not episode.attempts:
        _tell(round, newest)
        return State(attempts=[as_json(newest)])
    best = episode.attempts[episode.chosen]
    wished = bool(state["wanted"]) or state["by"] == "clinician"
    found = flips(round, best, newest, episode.written.rubric, wished)
    if state["by"] == "clinician":
        found = found.model_copy(update={"accepted": True, "why": ""})
    newest = newest.model_copy(update={"accepted": found.accepted, "by": state["by"]})
    _tell(round, newest)
    say("diff", round=round, before=best.answer, after=newest.answer)
    return State(
        attempts=[*state["attempts"], as_json(newest)],
        flips=[*state["flips"], as_json(found)],
        wanted="",
    )


def _unjudged(state: State, episode: Episode, why: str) -> Attempt:
    assert episode.written is not None
    rubric = episode.written.rubric
    return Attempt.judged(state["answer"], state["truncated"], rubric, unjudged(rubric, why), why)


def _tell(round: int, attempt: Attempt) -> None:
    shown: dict[str, Any] = attempt.model_dump(mode="json", exclude={"answer", "truncated"})
    say("verdicts", round=round, **shown)
