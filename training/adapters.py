"""The reward of one answer at a time, for trainers that ask so: verl, verifiers, OpenEnv.

TRL asks for whole batches (see `training.trl_reward`). What these trainers have in common is here:
tools in an event loop of their own, the row's question and rubric, a bounded second try, and a
word for "no reward", which none of them may take for 0. How each is told so stands in its file.
"""

import asyncio
import atexit
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from inference.errors import BadInput, ClinalignError
from inference.extras import Lacking, needed
from mcp_server.client import HealthTools
from rubrics.types import Rubric
from training.reward import Rewarded, RubricReward, Sample, answer_in
from training.reward_terms import Terms
from training.tasks import Rejected, asked_in

TRIES = 2
Opens = Callable[[], AbstractAsyncContextManager[HealthTools]]
"""Connects the tools, such as `lambda: connected(server)`; a server may be another program."""


class NoReward(ClinalignError):
    """An answer could not be judged, and must be left out: it did not earn 0."""


class SingleReward:
    """Rewards of single answers, for callers in any event loop or in none."""

    def __init__(
        self,
        tools: HealthTools,
        portal: BlockingPortal,
        terms: Terms | None = None,
        tries: int = TRIES,
    ) -> None:
        """Make it.

        Args:
            tools: judge.
            portal: to the event loop that the tools live in.
            terms: how verdicts become a reward.
            tries: how often an answer is put before the judge until it has a reward.

        Raises:
            BadInput: the terms look at tokens or groups, of which these trainers do not tell.
        """
        terms = terms or Terms()
        if terms.looks_at_groups or terms.overlong or terms.unfinished:
            raise BadInput("terms", "`scale` and `least_coverage` alone; the rest needs TRL's run")
        self._reward, self._portal, self._tries = RubricReward(tools, terms), portal, tries

    async def of(self, sample: Sample) -> Rewarded:
        """What becomes of an answer.

        Raises:
            UnfitJudge: the built-in judge scored, or nobody did.
            TooManyUngraded: too many of the newest answers could not be judged.
        """
        return await asyncio.wrap_future(self._portal.start_task_soon(self._tried, sample))

    def now(self, sample: Sample) -> Rewarded:
        """The same, for callers outside of any event loop."""
        return self._portal.call(self._tried, sample)

    async def _tried(self, sample: Sample) -> Rewarded:
        (found,) = await self._reward.of([sample])
        for _ in range(self._tries - 1):
            if found.reward is None:
                (found,) = await self._reward.of([sample])
        return found


def earned(found: Rewarded) -> float:
    """The reward, for trainers that have no `None`.

    Raises:
        NoReward: there is none.
    """
    if found.reward is None:
        raise NoReward(f"this answer has no reward and is to be left out: {found.why}")
    return found.reward


def sample_of(question: Any, rubrics: Any, said: str) -> Sample:
    """What is to be judged.

    Args:
        question: a text or a conversation, as in a row's `prompt`.
        rubrics: the row's `rubrics`.
        said: by the policy; what it thought is no part of the answer.

    Raises:
        BadInput: question or rubric cannot be used.
    """
    try:
        asked = asked_in({"prompt": question})
    except Rejected as no:
        raise BadInput(
            "question", f"a text, or turns that end with the user's ({no.why})"
        ) from None
    return Sample(asked, answer_in(said), Rubric.from_rows(rubrics, "rubrics"))


@contextmanager
def opened(opens: Opens, terms: Terms | None = None, tries: int = TRIES) -> Iterator[SingleReward]:
    """The reward by these tools, in an event loop of their own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(opens()) as tools,
    ):
        yield SingleReward(tools, portal, terms, tries)


def kept_open(
    opens: Opens, terms: Terms | None = None, tries: int = TRIES
) -> Callable[[], SingleReward]:
    """The reward, opened when it is first asked for, until the process ends.

    For trainers that import a function or a class by its name, and close nothing.
    """

    @cache
    def reward() -> SingleReward:
        held = ExitStack()
        atexit.register(held.close)
        return held.enter_context(opened(opens, terms, tries))

    return reward


@contextmanager
def beside(library: str, package: str) -> Iterator[None]:
    """Import a trainer's library within; it is no extra of ours.

    Raises:
        Lacking: it is not there.
    """
    try:
        with needed(library):
            yield
    except Lacking:
        raise Lacking(f'{library} is not installed; pip install "{package}"') from None
