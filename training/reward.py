"""The reward of completions: their shares of points, from the very tool that is served.

Trainers give it to TRL, for which `None` means no reward: the sample is left out. A zero would
teach the policy that the judge's bad minute was its own.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.errors import ClinalignError
from inference.gate import Gate
from inference.messages import Conversation
from inference.thinking import Listener
from mcp_server.client import HealthTools, ToolRefused
from mcp_server.results import ScoredAnswer
from rubrics.emptiness import unmet_by_nothing
from rubrics.types import Rubric, Verdict
from training.reward_terms import Terms, group_lengths, share

REFUSED_JUDGE = "built-in"
WINDOW = 256  # the newest completions, of which the ungraded are counted
ENOUGH = 32  # of them, before their share says anything


class UnfitJudge(ValueError):
    """The judge must not steer training."""


class TooManyUngraded(ClinalignError):
    """So many completions have no reward that those with one are no fair picture."""


@dataclass(frozen=True)
class Sample:
    """A completion that wants a reward."""

    asked: Conversation
    answer: str
    rubric: Rubric
    group: str = ""
    """The same for all completions of one question."""
    tokens: int = 0
    finished: bool = True
    """Whether it ended by itself."""


@dataclass(frozen=True)
class Rewarded:
    """What became of a sample."""

    reward: float | None
    share: float | None
    """Of points, on the wanted scale, before length and form take theirs."""
    coverage: float
    rubric: Rubric
    verdicts: tuple[Verdict, ...]
    why: str = ""
    """Why there is no reward."""


class RubricReward:
    """Rewards of many completions at once."""

    def __init__(
        self,
        tools: HealthTools,
        terms: Terms | None = None,
        at_once: int = 32,
        most_ungraded: float = 0.5,
    ) -> None:
        """Make it.

        Args:
            tools: judge.
            terms: how verdicts become a reward.
            at_once: completions that are judged at a time.
            most_ungraded: share of the newest completions without a reward that is put up with.
        """
        self.terms = terms or Terms()
        self.judges: set[str] = set()
        """Who has judged so far."""
        self._tools, self._gate = tools, Gate(at_once)
        self._most_ungraded = most_ungraded
        self._newest: deque[bool] = deque(maxlen=WINDOW)

    async def of(self, samples: Sequence[Sample]) -> list[Rewarded]:
        """One a sample, in their order; the same text is judged once.

        Raises:
            UnfitJudge: the built-in judge scored, or nobody did.
            TooManyUngraded: too many of the newest completions could not be judged.
        """
        distinct = dict.fromkeys((one.asked, one.answer, one.rubric) for one in samples)
        found = await asyncio.gather(*(self._judged(*one) for one in distinct))
        known = dict(zip(distinct, found, strict=True))
        judged = [known[one.asked, one.answer, one.rubric] for one in samples]
        self._count(judged)
        return _with_terms(samples, judged, self.terms)

    async def _judged(self, asked: Conversation, answer: str, rubric: Rubric) -> Rewarded:
        if not answer.strip():
            verdicts = tuple(map(unmet_by_nothing, rubric.criteria))
            return self._found(rubric, verdicts)
        try:
            async with self._gate:
                scored = await self._tools.score_against_rubric(asked, answer, rubric)
        except ToolRefused as error:
            return Rewarded(None, None, 0.0, rubric, (), f"the tool refused ({error})")
        _refuse_unfit(scored)
        self.judges.add(scored.judge)
        return self._found(rubric, scored.verdicts, scored.reason)

    def _found(self, rubric: Rubric, verdicts: tuple[Verdict, ...], why: str = "") -> Rewarded:
        earned, coverage = share(rubric, verdicts, self.terms)
        if earned is not None:
            return Rewarded(earned, earned, coverage, rubric, verdicts)
        why = why or f"{coverage:.0%} of the criteria were judged"
        return Rewarded(None, None, coverage, rubric, verdicts, why)

    def _count(self, judged: Sequence[Rewarded]) -> None:
        self._newest.extend(one.share is None for one in judged)
        ungraded = sum(self._newest) / len(self._newest) if self._newest else 0.0
        if len(self._newest) >= ENOUGH and ungraded > self._most_ungraded:
            why = next((one.why for one in judged if one.why), "see the judge's log")
            raise TooManyUngraded(
                f"{ungraded:.0%} of the newest {len(self._newest)} completions could not be "
                f"judged, more than {self._most_ungraded:.0%}; the last reason: {why}"
            )


async def reward(
    tools: HealthTools,
    asked: Conversation,
    answer: str,
    rubric: Rubric,
    terms: Terms | None = None,
) -> float | None:
    """The reward of one answer; None where too little of it could be judged.

    Raises:
        UnfitJudge: the built-in judge scored, or nobody did. The former reads words: a policy would
            learn to write more.
    """
    (found,) = await RubricReward(tools, terms).of([Sample(asked, answer, rubric)])
    return found.reward


def answer_in(said: str) -> str:
    """A completion without its thoughts."""
    listener = Listener(lambda _: None)
    listener.take(said)
    return listener.finish(cut=False)


def _refuse_unfit(scored: ScoredAnswer) -> None:
    if scored.judge.startswith(REFUSED_JUDGE) or scored.status == "needs_verdicts":
        raise UnfitJudge(f"{scored.judge} cannot reward; set CLINALIGN_JUDGE_BASE_URL")


def _with_terms(
    samples: Sequence[Sample], judged: Sequence[Rewarded], terms: Terms
) -> list[Rewarded]:
    rewards = [one.share for one in judged]
    lengths = _group_lengths(samples, rewards) if terms.looks_at_groups else [0.0] * len(samples)
    found = []
    for sample, one, length in zip(samples, judged, lengths, strict=True):
        taken = terms.overlong.of(sample.tokens) if terms.overlong else 0.0
        taken += 0.0 if sample.finished else terms.unfinished
        earned = None if one.share is None else one.share - taken + terms.group_length * length
        found.append(replace(one, reward=earned))
    return found


def _group_lengths(samples: Sequence[Sample], shares: Sequence[float | None]) -> list[float]:
    places: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        places.setdefault(sample.group, []).append(place)
    found = [0.0] * len(samples)
    for group in places.values():
        gained = group_lengths([samples[i].tokens for i in group], [shares[i] for i in group])
        for place, gain in zip(group, gained, strict=True):
            found[place] = gain
    return found
