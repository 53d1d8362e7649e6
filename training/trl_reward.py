"""The reward as TRL calls it: a batch of completions in, a list of rewards and `None` out.

It is one function: TRL leaves a sample out only where every reward function says `None`, so that
terms of their own functions would reward what nobody judged.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anyio.from_thread import BlockingPortal

from rubrics.types import Rubric
from training.drift import Alarm, Drift, Examined, Observation, observed
from training.reward import Rewarded, RubricReward, Sample, answer_in
from training.reward_figures import by_criterion, figures
from training.rubric_parts import thinned, without_held_out
from training.run_data import Task
from training.ties import TieBreaker

Logged = Callable[[str, dict[str, Any]], None]
"""Is told a line of a log, by its name."""


@dataclass(frozen=True)
class Watch:
    """The monitor of a run."""

    examined: Examined
    drift: Drift


@dataclass(frozen=True)
class Rules:
    """What is rewarded, and what besides."""

    tasks: Mapping[str, Task]
    """By `prompt_id`."""
    seed: int
    held_out: float = 0.0
    dropout: float = 0.0


class State(Protocol):
    global_step: int


class TrlReward:
    """Callable as a reward function of TRL."""

    __name__ = "rubric"  # by which TRL logs it

    def __init__(
        self,
        reward: RubricReward,
        portal: BlockingPortal,
        rules: Rules,
        logged: Logged,
        has_ended: Callable[[Sequence[int]], bool],
        watch: Watch | None = None,
        ties: TieBreaker | None = None,
    ) -> None:
        """Make it.

        Args:
            reward: judges.
            portal: to the event loop that the tools live in; TRL has one of its own.
            rules: what is rewarded.
            logged: keeps lines.
            has_ended: whether a completion's tokens ended by themselves.
            watch: has a share of the completions examined.
            ties: breaks them.
        """
        self._reward, self._portal, self._rules = reward, portal, rules
        self._logged, self._has_ended = logged, has_ended
        self._watch, self._ties = watch, ties
        self.alarm: Alarm | None = None

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        prompt_id: Sequence[str],
        held: Sequence[bool],
        trainer_state: State,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        """A reward a completion."""
        learns = not any(held)
        step = trainer_state.global_step + (1 if learns else 0)  # which it will be part of
        whole = [self._rules.tasks[one].rubric for one in prompt_id]
        samples = [
            Sample(
                asked=self._rules.tasks[id].asked,
                answer=_text(completion),
                rubric=self._part(rubric, step) if learns else rubric,
                group=id,
                tokens=len(ids),
                finished=self._has_ended(ids),
            )
            for id, completion, ids, rubric in zip(
                prompt_id, completions, completion_ids, whole, strict=True
            )
        ]
        work = self._portal.start_task_soon(self._work, step, samples, whole, learns)
        rewarded = await asyncio.wrap_future(work)
        for name, figure in {**figures(samples, rewarded), **self._seen(step)}.items():
            log_metric(name, figure)
        self._log_criteria(step, samples, rewarded, learns)
        return [one.reward for one in rewarded]

    async def _work(
        self, step: int, samples: list[Sample], whole: list[Rubric], learns: bool
    ) -> list[Rewarded]:
        """In the tools' own event loop."""
        watch = self._watch if learns else None
        gold = asyncio.ensure_future(watch.examined.gold(step, samples, whole)) if watch else None
        try:
            rewarded = await self._reward.of(samples)
            if self._ties and learns:
                rewarded = await self._ties.broken(samples, rewarded)
            if watch and gold:
                self._observe(watch, observed(step, await gold, samples, rewarded))
        finally:
            if gold:
                gold.cancel()
        return rewarded

    def _seen(self, step: int) -> dict[str, float]:
        """What both judges saw of this step, for trackers."""
        seen = self._watch.drift.seen[-1:] if self._watch else []
        return {
            f"drift/{name}": value
            for one in seen
            if one.step == step
            for name, value in (("proxy", one.proxy), ("gold", one.gold), ("gap", one.gap))
        }

    def _observe(self, watch: Watch, seen: Observation | None) -> None:
        if seen is None:
            return
        watch.drift.seen.append(seen)
        self._logged("drift.jsonl", {**seen.model_dump(), "gap": seen.gap})
        if watch.drift.terms.stops:
            self.alarm = self.alarm or watch.drift.alarm()

    def _part(self, rubric: Rubric, step: int) -> Rubric:
        kept = without_held_out(rubric, self._rules.held_out, self._rules.seed)
        return thinned(kept, self._rules.dropout, self._rules.seed, step)

    def _log_criteria(
        self, step: int, samples: Sequence[Sample], rewarded: Sequence[Rewarded], learns: bool
    ) -> None:
        groups: dict[str, list[Rewarded]] = {}
        for sample, one in zip(samples, rewarded, strict=True):
            groups.setdefault(sample.group, []).append(one)
        for group, found in groups.items():
            about = {"step": step, "prompt_id": group, "eval": not learns}
            self._logged("criteria.jsonl", {**about, "met_of": by_criterion(found)})


def _text(completion: Any) -> str:
    """What a completion says: a text, or a list of turns whose last one counts."""
    said = completion if isinstance(completion, str) else completion[-1]["content"]
    return answer_in(said or "")
