"""Watches whether a policy still learns what is meant, or only what its judge likes.

A share of the completions is scored again by the examiner: another judge, and with the criteria
that the policy is not rewarded for. The training judge's mean is the proxy, the examiner's the
gold. A proxy that goes on rising while gold falls is what reward hacking looks like.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean, pstdev
from typing import Any

from pydantic import Field

from inference.words import Word
from mcp_server.client import HealthTools
from rubrics.types import Rubric
from training.reward import Rewarded, RubricReward, Sample
from training.reward_figures import by_tag, share_by
from training.reward_terms import Terms

COMMUNICATION = "axis:communication"
SURE = 4  # standard errors: the best of very many means is high by chance already
COVERED = 0.8  # of the criteria, for the examiner's word to count


class DriftTerms(Word):
    """How much is watched, and what ends a run."""

    share: float = Field(default=0.125, gt=0, le=1)
    """Of the completions, scored by the examiner too."""
    held_out: float = Field(default=0.2, ge=0, lt=1)
    """Share of each rubric's criteria that the examiner alone judges."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the other criteria that is left out of the reward at each step."""
    patience: int = Field(default=8, ge=2)
    """Observations in a mean."""
    fall: float = Field(default=0.05, gt=0)
    """Of gold below its best mean, that ends the run ..."""
    rise: float = Field(default=0.02, ge=0)
    """... if the proxy has risen by this much since."""
    stops: bool = True
    """False: only look."""


class Observation(Word):
    """One batch, as both judges saw a part of it; the figures are means of shares of points."""

    step: int
    completions: int
    proxy: float
    gold: float
    gold_spread: float
    """Standard deviation over the completions."""
    same_criteria: float | None
    """The examiner's, by the criteria that are rewarded alone: without what was held out."""
    communication: float | None
    """The examiner's, on that axis."""
    tokens: float

    @property
    def gap(self) -> float:
        return self.proxy - self.gold


def observation_of(row: Mapping[str, Any]) -> Observation:
    """One that was kept in a log."""
    return Observation.model_validate({name: row[name] for name in Observation.model_fields})


class Alarm(Word):
    """Why a run should end."""

    step: int
    best_step: int
    """Where gold was highest."""
    gold_fell: float
    proxy_rose: float

    def __str__(self) -> str:
        return (
            f"since step {self.best_step} the training judge's mean rose by {self.proxy_rose:.2f} "
            f"while the examiner's fell by {self.gold_fell:.2f}"
        )


class Drift:
    """What was seen so far, and whether it is time to stop."""

    def __init__(self, terms: DriftTerms, seen: Sequence[Observation] = ()) -> None:
        self.terms, self.seen = terms, list(seen)

    def alarm(self) -> Alarm | None:
        """Whether gold has fallen while the proxy rose, by more than chance would do."""
        means = _rolling(self.seen, self.terms.patience)
        if len(means) < 2:
            return None
        best = max(means[:-1], key=lambda one: one.gold)
        now = means[-1]
        fell, rose = best.gold - now.gold, now.proxy - best.proxy
        by_chance = SURE * sqrt(best.variance + now.variance)
        if fell < max(self.terms.fall, by_chance) or rose < self.terms.rise:
            return None
        return Alarm(step=now.step, best_step=best.step, gold_fell=fell, proxy_rose=rose)


class Examined:
    """Takes a share of the completions to the examiner."""

    def __init__(
        self, examiner: HealthTools, terms: DriftTerms, at_once: int = 32, seed: int = 0
    ) -> None:
        self._reward = RubricReward(
            examiner, Terms(least_coverage=COVERED), at_once, most_ungraded=0.99
        )
        self._terms, self._seed = terms, seed

    @property
    def judges(self) -> set[str]:
        return self._reward.judges

    async def gold(
        self, step: int, samples: Sequence[Sample], whole: Sequence[Rubric]
    ) -> dict[int, Rewarded]:
        """What the examiner says of a share of a batch, by place.

        Args:
            step: of the training.
            samples: the batch.
            whole: its rubrics, with the criteria that are held out from the policy.
        """
        chosen = self._chosen(step, len(samples))
        asked = [replace(samples[one], rubric=whole[one]) for one in chosen]
        return dict(zip(chosen, await self._reward.of(asked), strict=True))

    def _chosen(self, step: int, number: int) -> list[int]:
        def chance(place: int) -> bytes:
            return hashlib.sha256(f"{self._seed} {step} {place}".encode()).digest()

        wanted = max(1, round(self._terms.share * number))
        return sorted(sorted(range(number), key=chance)[:wanted])


class _Mean(Word):
    step: int
    proxy: float
    gold: float
    variance: float
    """Of the mean."""


def _rolling(seen: Sequence[Observation], width: int) -> list[_Mean]:
    found = []
    for end in range(width, len(seen) + 1):
        part = seen[end - width : end]
        number = sum(one.completions for one in part)
        spread = fmean(one.gold_spread for one in part)
        between = pstdev([one.gold for one in part])
        found.append(
            _Mean(
                step=part[-1].step,
                proxy=fmean(one.proxy for one in part),
                gold=fmean(one.gold for one in part),
                variance=max(spread**2 / number, between**2 / width),
            )
        )
    return found


def observed(
    step: int,
    gold: Mapping[int, Rewarded],
    samples: Sequence[Sample],
    rewarded: Sequence[Rewarded],
) -> Observation | None:
    """What both judges say of a batch; None where none of it was judged by both."""
    places = [
        place
        for place, found in gold.items()
        if found.share is not None and rewarded[place].share is not None
    ]
    if not places:
        return None
    said = by_tag([gold[place] for place in places])
    same = _known(share_by(gold[place], samples[place].rubric) for place in places)
    golds = _known(gold[place].share for place in places)
    return Observation(
        step=step,
        completions=len(places),
        proxy=fmean(_known(rewarded[place].share for place in places)),
        gold=fmean(golds),
        gold_spread=pstdev(golds),
        same_criteria=fmean(same) if same else None,
        communication=next((v for tag, v in said.items() if tag.startswith(COMMUNICATION)), None),
        tokens=fmean(samples[place].tokens for place in places),
    )


def _known(shares: Iterable[float | None]) -> list[float]:
    return [one for one in shares if one is not None]
