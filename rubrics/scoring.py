"""The arithmetic of a score: from a rubric and its verdicts to points. Pure; asks nobody."""

from collections.abc import Iterable, Mapping, Sequence

from inference.errors import BadInput
from rubrics.types import Criterion, Rubric, Score, Ungraded, Verdict

JUDGED = ("MET", "UNMET")


def score(rubric: Rubric, verdicts: Sequence[Verdict], *, partial: bool = False) -> Score:
    """Add up what the verdicts say.

    A criterion that was not judged (ABSTAIN, ERROR) is never taken for unmet: it lowers the
    coverage, and the fraction stays None unless a `partial` one is asked for.

    Args:
        rubric: the criteria.
        verdicts: exactly one for each criterion, in any order.
        partial: count judged criteria alone, in `possible` and in every fraction.

    Raises:
        BadInput: the verdicts do not name the rubric's criteria, each once.

    Source: HealthBench reference code, `calculate_score`: points of met criteria over the sum of
    positive points, not clipped for one answer.
    """
    value = _by_criterion(rubric, verdicts)
    applicable = [one for one in rubric.criteria if value[one.id] != "NOT_APPLICABLE"]
    judged = [one for one in applicable if value[one.id] in JUDGED]
    counted = judged if partial else applicable
    tags = dict.fromkeys(tag for one in applicable for tag in one.tags)
    return Score(
        earned=_earned(judged, value),
        possible=_possible(counted),
        fraction=_fraction(applicable, value, partial),
        lower=_share(_earned(judged, value) + _open_points(applicable, value, sign=-1), applicable),
        upper=_share(_earned(judged, value) + _open_points(applicable, value, sign=1), applicable),
        coverage=len(judged) / len(applicable) if applicable else 1.0,
        tags={
            tag: _fraction(tagged, value, partial)
            for tag in tags
            if _possible(tagged := [one for one in applicable if tag in one.tags])
        },
    )


def outcome(rubric: Rubric, verdicts: Sequence[Verdict]) -> Score | Ungraded:
    """The score, unless not one criterion was judged: then the reason."""
    added = score(rubric, verdicts)
    if added.coverage > 0:
        return added
    first = verdicts[0]
    said = f"{first.verdict}: {first.explanation[:160]}"
    return Ungraded(reason=f"none of {len(verdicts)} criteria was judged; {said}")


def _by_criterion(rubric: Rubric, verdicts: Sequence[Verdict]) -> Mapping[str, str]:
    named = [verdict.criterion_id for verdict in verdicts]
    wanted = [criterion.id for criterion in rubric.criteria]
    if sorted(named) != sorted(wanted):
        missing = [one for one in wanted if one not in named]
        foreign = [one for one in named if one not in wanted]
        doubled = sorted({one for one in named if named.count(one) > 1})
        found = {"missing": missing, "not in the rubric": foreign, "given twice": doubled}
        shown = "; ".join(f"{what}: {', '.join(ids[:5])}" for what, ids in found.items() if ids)
        raise VerdictMismatch(shown)
    return {verdict.criterion_id: verdict.verdict for verdict in verdicts}


class VerdictMismatch(BadInput):
    """The verdicts name other criteria than the rubric."""

    def __init__(self, found: str) -> None:
        super().__init__("verdicts", "exactly one verdict for each criterion of the rubric")
        self.found = found

    def __str__(self) -> str:
        return f"{self.without_values()} ({self.found})"


def _earned(judged: Iterable[Criterion], value: Mapping[str, str]) -> int | float:
    return sum(one.points for one in judged if value[one.id] == "MET")


def _possible(criteria: Iterable[Criterion]) -> int | float:
    return sum(one.points for one in criteria if one.points > 0)


def _open_points(
    criteria: Iterable[Criterion], value: Mapping[str, str], *, sign: int
) -> int | float:
    unknown = (one for one in criteria if value[one.id] not in JUDGED)
    return sum(one.points for one in unknown if one.points * sign > 0)


def _share(points: float, criteria: Iterable[Criterion]) -> float | None:
    possible = _possible(criteria)
    return points / possible if possible else None


def _fraction(
    criteria: Sequence[Criterion], value: Mapping[str, str], partial: bool
) -> float | None:
    judged = [one for one in criteria if value[one.id] in JUDGED]
    if len(judged) < len(criteria) and not partial:
        return None
    return _share(_earned(judged, value), judged)
