"""Takes criteria out of a rubric for training: some for good, some for a step.

What the policy is never rewarded for tells whether it learnt to care or learnt the rubric.
"""

import hashlib
from collections.abc import Iterable

from rubrics.types import Criterion, Rubric


def without_held_out(rubric: Rubric, held_out: float, seed: int = 0) -> Rubric:
    """The rubric without the criteria that are held out; the same ones each time.

    Args:
        rubric: what a question is judged by.
        held_out: share of the criteria, 0 to 1.
        seed: another seed, other criteria.
    """
    return _without(rubric, held_out, f"held out {seed}")


def thinned(rubric: Rubric, dropout: float, seed: int, step: int) -> Rubric:
    """The rubric of one step, without a share of its criteria, others at each step.

    All completions of a question lose the same ones, so that they can be compared.
    """
    return _without(rubric, dropout, f"dropped {seed} {step}")


def _without(rubric: Rubric, share: float, key: str) -> Rubric:
    """At least one positive criterion stays, and every critical one."""
    ordered = sorted(rubric.criteria, key=lambda one: _chance(key, one))
    most = round(share * len(ordered))
    gone = {one.id for one in [one for one in ordered if not one.critical][:most]}
    if all(one.id in gone for one in _positive(rubric.criteria)):
        # Without one there would be nothing to earn, hence no fraction.
        gone -= {one.id for one in list(_positive(ordered))[-1:]}
    kept = tuple(one for one in rubric.criteria if one.id not in gone)
    return Rubric(criteria=kept) if kept else rubric


def _positive(criteria: Iterable[Criterion]) -> Iterable[Criterion]:
    return (one for one in criteria if one.points > 0)


def _chance(key: str, criterion: Criterion) -> bytes:
    named = f"{key} {criterion.id} {criterion.criterion}"
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
