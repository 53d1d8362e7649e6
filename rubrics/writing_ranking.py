"""Makes a rubric of proposed criteria: which stay, how they are named, what is worth most.

What a criterion is worth to a revision is its points times the chance that a plain answer loses
them. Critical ones come before all others, by their points alone: missing one is never cheap.
"""

from collections.abc import Iterable, Sequence

from rubrics.counting import longer_than
from rubrics.types import Criterion, Rubric
from rubrics.writing_words import HARM, SITUATION, AtRisk, Proposed

LENGTH = "length"
FAR_ABOVE = 1.5  # times the budget, from where on points are lost
LENGTH_POINTS = -4
CHANCE: dict[AtRisk, float] = {"likely": 0.8, "maybe": 0.5, "unlikely": 0.2}
"""What the model's words count as; not calibrated."""


def fitted(
    proposed: Sequence[Proposed], most: int
) -> tuple[tuple[Proposed, ...], tuple[Proposed, ...]]:
    """Those with the most points, in their order and numbered anew, and those crowded out.

    Whether a plain answer would have them does not count here: an answer that lacks one after all
    must lose its points.
    """
    weight = [(not _must_stay(one), -abs(one.criterion.points)) for one in proposed]
    chosen = set(sorted(range(len(proposed)), key=weight.__getitem__)[:most])
    kept = (one for place, one in enumerate(proposed) if place in chosen)
    crowded_out = tuple(one for place, one in enumerate(proposed) if place not in chosen)
    return tuple(_named(one, f"c{number}") for number, one in enumerate(kept, 1)), crowded_out


def too_long(words: int) -> Proposed:
    """The criterion that takes points from an answer far above its budget; unit: words."""
    limit = int(round(FAR_ABOVE * words, -1))
    criterion = Criterion(
        id=LENGTH,
        criterion=longer_than(limit),
        points=LENGTH_POINTS,
        tags=("axis:communication_quality", f"care:{LENGTH}"),
    )
    return Proposed(criterion=criterion, care=LENGTH)


def ranked(proposed: Iterable[Proposed]) -> tuple[str, ...]:
    """Their ids, those first that a revision gains most by."""
    return tuple(one.criterion.id for one in sorted(proposed, key=_key))


def ranked_by_points(rubric: Rubric) -> tuple[str, ...]:
    return ranked(Proposed(criterion=criterion) for criterion in rubric.criteria)


def _must_stay(one: Proposed) -> bool:
    return one.criterion.critical or one.care in (HARM, SITUATION)


def _named(one: Proposed, id: str) -> Proposed:
    return one.model_copy(update={"criterion": one.criterion.model_copy(update={"id": id})})


def _key(one: Proposed) -> tuple[bool, float]:
    worth = abs(one.criterion.points)
    if one.criterion.critical:
        return False, -worth
    return True, -worth * CHANCE[one.at_risk]
