"""Whether a revision takes the place of what it revised. Pure; asks nobody."""

from collections.abc import Sequence

from agent.state import Attempt, Change, Flips, Why
from rubrics.types import Criterion, Rubric


def flips(
    round: int, before: Attempt, after: Attempt, rubric: Rubric, wished: bool = False
) -> Flips:
    """What a revision gained and lost, and whether it is accepted.

    It is accepted only if its fraction rises, no critical criterion that was good is lost, and the
    worst that it may turn out to be rises too: a judge that merely leaves more open makes no
    better answer. One that a clinician wished for need not score better.
    """
    changed = [(one, change) for one in rubric.criteria if (change := _change(one, before, after))]
    gained = [change for one, change in changed if _is_good(one, change.after)]
    lost = [(one, change) for one, change in changed if _is_good(one, change.before)]
    why = _regressed(before, after, [one for one, _ in lost])
    if not wished and not why:
        why = _no_better(before, after)
    return Flips(
        round=round,
        accepted=not why,
        why=why,
        gained=tuple(gained),
        lost=tuple(change for _, change in lost),
    )


def _regressed(before: Attempt, after: Attempt, lost: Sequence[Criterion]) -> Why:
    if any(one.critical for one in lost) or after.truncated > before.truncated:
        return "regression_refused" if after.fraction > before.fraction else "no_gain"
    return ""


def _no_better(before: Attempt, after: Attempt) -> Why:
    if after.fraction <= before.fraction or _worst(after) == _worst(before):
        return "no_gain"
    return "regression_refused" if _worst(after) < _worst(before) else ""


def _change(criterion: Criterion, before: Attempt, after: Attempt) -> Change | None:
    """The change, if the criterion became good or ceased to be so."""
    was, is_now = before.value(criterion.id), after.value(criterion.id)
    if _is_good(criterion, was) == _is_good(criterion, is_now):
        return None
    shown = after if is_now == "MET" else before
    quote = next(one.quote for one in shown.verdicts if one.criterion_id == criterion.id)
    return Change(criterion_id=criterion.id, before=was, after=is_now, quote=quote)


def _is_good(criterion: Criterion, value: str) -> bool:
    """Whether the verdict is what one would wish; an open one is not."""
    return value == ("MET" if criterion.points > 0 else "UNMET")


def _worst(attempt: Attempt) -> float:
    return attempt.score.lower if attempt.score.lower is not None else float("-inf")
