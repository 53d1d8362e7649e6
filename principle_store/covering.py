"""Chooses principles that together cover what an answer should hold.

One that says what others have said already adds little and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, best first, without those that want nearly the same as two better ones."""
    if not candidates:
        return []
    wanted = np.vstack([one.near.criteria for one in candidates])
    sizes = np.array([len(one.near.criteria) for one in candidates])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    nearest = np.maximum.reduceat(wanted @ wanted.T, starts, axis=1)
    alike = np.add.reduceat(nearest, starts, axis=0) / sizes[:, None]  # of each, to each
    better = np.tril(alike >= NEARLY_THE_SAME, -1).sum(axis=1)
    return [one for one, copies in zip(candidates, better, strict=True) if copies < 2]


def covering(
    candidates: Sequence[Candidate], k: int, beside: Sequence[Candidate] = ()
) -> list[Candidate]:
    """Up to `k` candidates that, with those `beside`, cover most of what an answer should hold.

    What it should hold is not known; the candidates' own criteria stand for it, each weighing more
    the nearer it and its principle are to the question. One criterion covers another as far as they
    are alike (Nemhauser, Wolsey and Fisher 1978: taking the largest gain is near the best choice).
    """
    everyone = [*candidates, *beside]
    if k <= 0 or not candidates:
        return []
    wanted = np.vstack([one.near.criteria for one in everyone])
    weights = _weights(everyone)
    covers = np.stack([_alike(one.near.criteria @ wanted.T).max(axis=0) for one in everyone])
    covered = covers[len(candidates) :].max(axis=0, initial=0.0)
    chosen: list[int] = []
    for _ in range(min(k, len(candidates))):
        gains = (np.maximum(covers[: len(candidates)], covered) - covered) @ weights
        gains[chosen] = -1.0
        best = int(gains.argmax())
        chosen.append(best)
        covered = np.maximum(covered, covers[best])
    return [candidates[index] for index in chosen]


def _weights(candidates: Sequence[Candidate]) -> Figures:
    """How much each of the candidates' criteria counts; they add up to 1."""
    near = np.concatenate([(one.near.wanted + one.score) / 2 for one in candidates])
    weights = np.exp(SHARPNESS * (near - near.max()))
    shares: Figures = weights / weights.sum()
    return shares


def _alike(cosines: Figures) -> Figures:
    alike: Figures = 1 / (1 + np.exp(-2 * SHARPNESS * (cosines - SAME)))
    return alike
