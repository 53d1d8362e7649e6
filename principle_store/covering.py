"""Chooses principles that together cover what an answer should hold.

One that says what others have said already adds little and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from principle_store.store import Near

SHARPNESS = 10.0  # how fast a criterion's weight falls with its distance from the question
SAME = 0.5  # cosine at which one criterion half stands for another
NEARLY_THE_SAME = 0.92  # mean cosine of one's criteria to the other's

Figures = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A principle that may be chosen for a question."""

    near: Near
    share: float
    """Of a full match in words, 0 to 1."""
    like: float
    """Likeness in meaning and words."""
    score: float
    """The same, moved by the scenario."""

    @property
    def id(self) -> str:
        return self.near.principle.id


class Coverage:
    """How far the criteria of candidates, best first, stand for each other's.

    What an answer should hold is not known; the candidates' own good criteria stand for it, each
    weighing more the nearer it and its principle are to the question.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates
        self._place = {id(one): place for place, one in enumerate(candidates)}
        sizes = [len(one.near.criteria) for one in candidates]
        self._sizes = np.array(sizes)
        self._starts = np.cumsum([0, *sizes[:-1]])
        wanted = np.vstack([one.near.criteria for one in candidates])
        # Of each candidate, how alike its nearest criterion is to each criterion.
        self._nearest: Figures = np.maximum.reduceat(wanted @ wanted.T, self._starts, axis=0)

    def distinct(self) -> list[Candidate]:
        """The candidates without those that want nearly the same as two better ones."""
        alike = (
            np.add.reduceat(self._nearest, self._starts, axis=1) / self._sizes
        )  # of one, to each
        better = np.triu(alike >= NEARLY_THE_SAME, 1).sum(axis=0)
        return [one for one, copies in zip(self._candidates, better, strict=True) if copies < 2]

    def chosen(
        self, among: Sequence[Candidate], k: int, beside: Sequence[Candidate] = ()
    ) -> list[Candidate]:
        """Up to `k` of these that, with those `beside`, cover the most, the largest gain first.

        Taking the largest gain each time is near the best choice (Nemhauser, Wolsey, Fisher 1978).
        """
        places = [self._place[id(one)] for one in among]
        covered = np.max(self._covers[[self._place[id(one)] for one in beside]], 0, initial=0.0)
        chosen: list[Candidate] = []
        while places and len(chosen) < k:
            gains = (np.maximum(self._covers[places], covered) - covered) @ self._weights
            best = places.pop(int(gains.argmax()))
            chosen.append(self._candidates[best])
            covered = np.maximum(covered, self._covers[best])
        return chosen

    @cached_property
    def _covers(self) -> Figures:
        """How far each candidate covers each criterion, 0 to 1."""
        covers: Figures = 1 / (1 + np.exp(-2 * SHARPNESS * (self._nearest - SAME)))
        return covers

    @cached_property
    def _weights(self) -> Figures:
        """How much each criterion counts; they add up to 1."""
        near = np.concatenate([(one.near.wanted + one.score) / 2 for one in self._candidates])
        weights = np.exp(SHARPNESS * (near - near.max()))
        shares: Figures = weights / weights.sum()
        return shares
