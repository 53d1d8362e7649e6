"""What policy and writer may spend on one question, and what they have spent.

The purse of the episode at work travels in a context variable: one graph works on many questions at
once, and a model does not know for which.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Literal

from agent.state import Limits, Spent, StopReason
from inference.chat import ChatModel, Heard, Reply, Sampling, unheard
from inference.errors import ClinalignError
from inference.messages import Message
from inference.spans import span

SHARE_OF_WRITER = 0.5  # of the tokens, so that enough is left for an answer


class BudgetSpent(ClinalignError):
    """A limit of the episode is reached; `reason` is its name."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(f"the {reason.replace('_', ' ')} of this question is spent")
        self.reason = reason


class Purse:
    """Limits and what was spent of them, for the work of one node."""

    def __init__(self, limits: Limits, spent: Spent) -> None:
        self._limits, self._before = limits, spent
        self.calls, self.tokens = spent.calls, spent.tokens
        self.begun = time.monotonic()
        self.most_calls, self.most_tokens = limits.calls, limits.tokens

    @property
    def spent(self) -> Spent:
        seconds = self._before.seconds + time.monotonic() - self.begun
        return Spent(calls=self.calls, tokens=self.tokens, seconds=seconds)

    @property
    def seconds_left(self) -> float | None:
        if self._limits.seconds is None:
            return None
        return max(0.0, self._limits.seconds - self._before.seconds)

    def keep_for_the_answer(self) -> None:
        """Leave a call and half of the tokens to the one who answers."""
        if self.most_calls is not None:
            self.most_calls -= 1
        if self.most_tokens is not None:
            self.most_tokens = int(self.most_tokens * SHARE_OF_WRITER)

    def granted(self, sampling: Sampling) -> Sampling:
        """What the next call may write; the call is counted.

        Raises:
            BudgetSpent: nothing.
        """
        if self.most_calls is not None and self.calls >= self.most_calls:
            raise BudgetSpent("call_budget")
        if self.most_tokens is not None:
            if self.tokens >= self.most_tokens:
                raise BudgetSpent("token_budget")
            left = self.most_tokens - self.tokens
            sampling = sampling.model_copy(update={"max_tokens": min(left, sampling.max_tokens)})
        self.calls += 1
        return sampling


_purse: ContextVar[Purse | None] = ContextVar("purse", default=None)


@asynccontextmanager
async def spending(purse: Purse) -> AsyncIterator[None]:
    """Work that is paid for out of this purse.

    Raises:
        BudgetSpent: it is empty, or the time is over.
    """
    before = _purse.set(purse)
    try:
        async with asyncio.timeout(purse.seconds_left) as deadline:
            yield
    except TimeoutError:
        if deadline.expired():
            raise BudgetSpent("time_budget") from None
        raise
    finally:
        _purse.reset(before)


class Paying:
    """A model whose calls are paid for."""

    def __init__(self, chat: ChatModel, role: Literal["policy", "writer"]) -> None:
        self._chat, self._role = chat, role

    @property
    def name(self) -> str:
        return self._chat.name

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        purse = _purse.get()
        granted = purse.granted(sampling) if purse else sampling
        with span("model_call", role=self._role, model=self.name) as call:
            reply = await self._chat.complete(messages, granted, schema, heard)
            call.note(
                prompt_tokens=reply.prompt_tokens,
                cached_tokens=reply.cached_tokens,
                completion_tokens=reply.completion_tokens,
            )
        if purse:
            purse.tokens += reply.completion_tokens
        return reply
