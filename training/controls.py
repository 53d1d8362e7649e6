"""What keeps written rubrics good: each control a switch, each change of a rubric told in words.

They work on rubrics that are there; what judges answers and what writes is handed in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np
from pydantic import Field

from inference.embedding import TextVectors
from inference.errors import BadInput
from inference.words import Word
from rubrics.rubric_lint import rubric_findings
from rubrics.types import Criterion
from rubrics.writing_mending import is_of_situation

SAME = 0.6  # cosine from which two drafts mean the same thing
FEWEST = 3  # criteria of a rubric that can be used
OF_USE = 0.5  # of its points, for a criterion that all sampled answers meet, or none does


class Controls(Word):
    merge: bool = False
    """Write two drafts, and keep what both want."""
    contrast: bool = False
    """Show the writer two sampled answers, so that it writes what tells them apart."""
    discriminate: bool = False
    """Drop criteria that every sampled answer meets, or none does."""
    weights: bool = False
    """Fewer points the less a criterion tells sampled answers apart."""
    difficulty: bool = False
    """Say how sampled answers fare."""
    harms: bool = True
    """At least one criterion takes points."""
    context: bool = True
    """At least one criterion is about what the asker's situation calls for."""
    leaks: bool = True
    """No criterion repeats an answer word for word."""
    near: bool = False
    """Leave out questions that are nearly the same as an earlier one."""
    samples: int = Field(default=4, ge=2, le=32)
    """Answers sampled of the policy, where a control needs them and the row brings none."""

    @classmethod
    def of(cls, said: str) -> Self:
        """The defaults with those switched on that are named, and off that have a `-` before.

        Raises:
            BadInput: one of them is not there.
        """
        chosen = {}
        for one in filter(None, (part.strip() for part in said.split(","))):
            name = one.removeprefix("-")
            if name not in SWITCHES:
                expected = f"some of {', '.join(SWITCHES)}; a - before one switches it off"
                raise BadInput("--controls", expected, one)
            chosen[name] = not one.startswith("-")
        return cls(**chosen)

    @property
    def judges(self) -> bool:
        """Whether sampled answers have to be judged."""
        return self.discriminate or self.weights or self.difficulty

    @property
    def samples_answers(self) -> bool:
        return self.judges or self.contrast


SWITCHES = tuple(name for name, one in Controls.model_fields.items() if one.annotation is bool)

Kept = tuple[tuple[Criterion, ...], str]
"""A rubric's criteria, and what was done to them in words; empty: nothing."""


def merged(first: Sequence[Criterion], second: Sequence[Criterion], vectors: TextVectors) -> Kept:
    """What both drafts want, in the words of the first and with the smaller points."""
    embedded = vectors.embed([one.criterion for one in (*first, *second)])
    alike = embedded[: len(first)] @ embedded[len(first) :].T
    same_side = np.array([[a.points * b.points > 0 for b in second] for a in first])
    alike = np.where(same_side, alike, -1.0)
    kept = []
    for place, one in enumerate(first):
        twin = int(alike[place].argmax())
        if alike[place][twin] >= SAME:
            kept.append(_agreed(one, second[twin]))
    return tuple(kept), _told(len(first) - len(kept), "of one draft alone dropped")


def _agreed(one: Criterion, twin: Criterion) -> Criterion:
    ids = tuple(dict.fromkeys((*one.principle_ids, *twin.principle_ids)))
    critical = one.critical or twin.critical
    points = min(one.points, twin.points, key=abs)
    return one.model_copy(update={"points": points, "principle_ids": ids, "critical": critical})


def discriminating(criteria: Sequence[Criterion], shares: Mapping[str, float]) -> Kept:
    """Without those that all sampled answers meet or none does; critical ones stay.

    So does a harm that no answer does, if it is the only one, and what is needed for `FEWEST`.

    Args:
        criteria: of one rubric.
        shares: criterion id -> share of the judged answers that meet it; absent: not judged.
    """
    idle = [one for one in criteria if _is_idle(one, shares)]
    harms = [one for one in criteria if one.points < 0]
    if harms and all(one in idle for one in harms):
        idle.remove(max(harms, key=lambda one: abs(one.points)))
    spared = max(0, FEWEST - (len(criteria) - len(idle)))
    by_weight = sorted(idle, key=lambda one: -abs(one.points))
    dropped = {one.id for one in by_weight[spared:]}
    kept = tuple(one for one in criteria if one.id not in dropped)
    return kept, _told(len(dropped), "that tell no sampled answers apart dropped")


def weighted(criteria: Sequence[Criterion], shares: Mapping[str, float]) -> Kept:
    """With points from half to all of theirs, all where half the answers meet it."""
    changed = tuple(_weighted(one, shares) for one in criteria)
    moved = sum(new.points != old.points for new, old in zip(changed, criteria, strict=True))
    return changed, _told(moved, "with fewer points")


def _weighted(one: Criterion, shares: Mapping[str, float]) -> Criterion:
    if one.critical or one.id not in shares:
        return one
    share = shares[one.id]
    points = abs(one.points) * (OF_USE + (1 - OF_USE) * 4 * share * (1 - share))
    sign = 1 if one.points > 0 else -1
    return one.model_copy(update={"points": sign * max(1, round(points))})


def _is_idle(one: Criterion, shares: Mapping[str, float]) -> bool:
    return not one.critical and shares.get(one.id) in (0.0, 1.0)


def completed(
    criteria: Sequence[Criterion], ready: Sequence[Criterion], controls: Controls
) -> Kept:
    """With a harm and a criterion of context, from the principles' own where there is none.

    Args:
        criteria: of one rubric.
        ready: of its principles, the nearest first.
        controls: which of the two are wanted.
    """
    wanted = {
        "harm": (controls.harms, lambda one: one.points < 0),
        "context": (controls.context, is_of_situation),
    }
    whole, added = list(criteria), []
    for name, (on, fits) in wanted.items():
        if on and not any(map(fits, whole)) and (one := _spare(whole, ready, fits)):
            whole.append(one)
            added.append(name)
    return tuple(whole), f"{' and '.join(added)} from the principles" if added else ""


def _spare(
    criteria: Sequence[Criterion], ready: Sequence[Criterion], fits: Callable[[Criterion], bool]
) -> Criterion | None:
    """The first that fits and that the linter has nothing against beside the others."""
    for one in filter(fits, ready):
        last = len(criteria)
        if all(place != last for place, _ in rubric_findings((*criteria, one))):
            return one
    return None


def _told(number: int, what: str) -> str:
    return f"{number} {what}" if number else ""
