"""When the agent stops, and the name of the reason. Pure."""

from collections.abc import Sequence

from agent.state import Episode, Limits, StopReason
from rubrics.types import Criterion

QUESTION_MARKS = ("?", "？", "؟", "\u037e")  # the last is the Greek one
SURE_OF = 0.5
"""Confidence above which a label of the scenario decides something."""
LITTLE = 0.1
"""Share of the points that an answer may lack and still only wait for the asker."""


def stop_reason(episode: Episode, limits: Limits) -> StopReason | None:
    """Why to stop after the newest attempt; None to go on revising."""
    newest, best = episode.attempts[-1], episode.attempts[episode.chosen]
    if newest.score.fraction is None or newest.score.coverage < limits.least_coverage:
        return "coverage_too_low"
    if not newest.accepted:
        return episode.flips[-1].why or None
    if best.fraction >= limits.target and not best.truncated:
        return "target_reached"
    is_last = len(episode.attempts) > limits.rounds
    if _waits_for_an_answer(episode) and (is_last or _lacks_little(episode)):
        return "needs_information"
    return "round_limit" if is_last else None


def _waits_for_an_answer(episode: Episode) -> bool:
    """Whether the asker has to say something first, is asked for it, and nothing vital is amiss."""
    label = episode.recalled.scenario.get("uncertainty")
    if label is None or label.value != "reducible" or label.confidence <= SURE_OF:
        return False
    if not any(mark in episode.answer for mark in QUESTION_MARKS):
        return False
    wanted = [one for one in _criteria(episode) if _is_about_context(one) and one.points > 0]
    wrong = _wrong(episode)
    asks = bool(wanted) and not any(one in wrong for one in wanted)
    return asks and not any(one.critical or one.points < 0 for one in wrong)


def _lacks_little(episode: Episode) -> bool:
    """Whether a revision could add hardly anything without hearing from the asker."""
    possible = sum(one.points for one in _criteria(episode) if one.points > 0)
    return sum(one.points for one in _wrong(episode) if one.points > 0) <= LITTLE * possible


def _is_about_context(criterion: Criterion) -> bool:
    return "axis:context_awareness" in criterion.tags


def _wrong(episode: Episode) -> list[Criterion]:
    """Good criteria that are unmet, and bad ones that are met."""
    attempt = episode.attempts[episode.chosen]
    return [
        one
        for one in _criteria(episode)
        if attempt.value(one.id) == ("UNMET" if one.points > 0 else "MET")
    ]


def _criteria(episode: Episode) -> Sequence[Criterion]:
    return episode.written.rubric.criteria if episode.written else ()
