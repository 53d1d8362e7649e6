"""Isotonic regression: the rising step function nearest to what was observed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from inference.words import Word


class _Pool(NamedTuple):
    raws: float
    """Their sum."""
    n: int
    true: int

    @property
    def share(self) -> float:
        return self.true / self.n


class Step(Word):
    raw: float
    """The mean of the raw values that were pooled."""
    value: float


def fitted(observed: Iterable[tuple[float, bool]]) -> tuple[Step, ...]:
    """The steps, from pairs of a raw value and what came true; neighbours out of order are pooled.

    Source: pool adjacent violators, Ayer et al. 1955.
    """
    seen: dict[float, list[bool]] = defaultdict(list)
    for raw, true in observed:
        seen[raw].append(true)
    pools: list[_Pool] = []
    for raw, outcomes in sorted(seen.items()):
        pools.append(_Pool(raw * len(outcomes), len(outcomes), sum(outcomes)))
        while len(pools) > 1 and pools[-2].share >= pools[-1].share:
            pools[-2:] = [_Pool(*map(sum, zip(*pools[-2:], strict=True)))]
    return tuple(Step(raw=pool.raws / pool.n, value=pool.share) for pool in pools)


def looked_up(steps: Sequence[Step], raw: float) -> float:
    """The value for a raw one: on straight lines between the steps, level before and after."""
    return float(np.interp(raw, [one.raw for one in steps], [one.value for one in steps]))
