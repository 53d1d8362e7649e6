"""When the agent stops, and the name of the reason. Pure."""

from agent.state import Episode, Limits, StopReason
from rubrics.types import Rubric

QUESTION_MARKS = ("?", "？", "؟", "\u037e")  # the last is the Greek one
SURE_OF = 0.5
"""Confidence from which a label of the scenario decides something."""


def stop_reason(episode: Episode, limits: Limits) -> StopReason | None:
    """Why to stop after the newest attempt; None to go on revising."""
    newest, best = episode.attempts[-1], episode.attempts[episode.chosen]
    if newest.score.fraction is None or newest.score.coverage < limits.least_coverage:
        return "coverage_too_low"
    if not newest.accepted:
        return episode.flips[-1].why or None
    if best.fraction >= limits.target and not best.truncated:
        return "target_reached"
    if _waits_for_an_answer(episode):
        return "needs_information"
    if len(episode.attempts) > limits.rounds:
        return "round_limit"
    return None


def _waits_for_an_answer(episode: Episode) -> bool:
    """Whether the asker has to say something first, is asked for it, and nothing vital is amiss."""
    label = episode.recalled.scenario.get("uncertainty")
    if label is None or label.value != "reducible" or label.confidence < SURE_OF:
        return False
    if not any(mark in episode.answer for mark in QUESTION_MARKS):
        return False
    return episode.written is not None and not _lacks_what_is_vital(episode, episode.written.rubric)


def _lacks_what_is_vital(episode: Episode, rubric: Rubric) -> bool:
    attempt = episode.attempts[episode.chosen]
    wrong = [
        one
        for one in rubric.criteria
        if attempt.value(one.id) == ("UNMET" if one.points > 0 else "MET")
    ]
    asks_in_vain = any("axis:context_awareness" in one.tags and one.points > 0 for one in wrong)
    return asks_in_vain or any(one.critical or one.points < 0 for one in wrong)
