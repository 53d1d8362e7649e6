"""Stops asking a model server that is gone, so that nobody waits for it again and again."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inference.chat import ChatModel, Heard, Reply, Sampling, unheard
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Message

MOST_FAILURES = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 1.0


class Breaker:
    """A chat model that fails at once while its server is known to be unreachable.

    It opens after some calls in a row that reached nothing. Then one call at a time is let
    through, after a pause that doubles up to a limit; the first answer of any kind closes it.
    For one event loop: nothing is decided across an `await`.

    Args:
        chat: the model behind.
        clock: monotonic, in seconds.
        most_failures: calls in a row that open it.
        longest_pause_seconds: until the next try; a server that is back is found within it.
    """

    def __init__(
        self,
        chat: ChatModel,
        clock: Callable[[], float] = time.monotonic,
        most_failures: int = MOST_FAILURES,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        self._chat, self._clock = chat, clock
        self._most_failures, self._longest_pause = most_failures, longest_pause_seconds
        self._failures = 0
        self._failing_since = 0.0
        self._pause, self._next_try = 0.0, 0.0
        self._open = False
        self._probe: object | None = None

    @property
    def name(self) -> str:
        return self._chat.name

    @property
    def is_open(self) -> bool:
        """Whether calls fail without being tried."""
        return self._open

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        call = self._admit()
        try:
            reply = await self._chat.complete(messages, sampling, schema, heard)
        except ModelUnreachable:
            self._fail(call)
            raise
        except ModelError:
            self._close()  # something answered
            raise
        finally:
            if self._probe is call:
                self._probe = None
        self._close()
        return reply

    def _admit(self) -> object:
        """Let a call through; while open, a single one as a probe."""
        call, now = object(), self._clock()
        if self._open:
            if self._probe or now < self._next_try:
                raise self._refusal(now)
            self._probe = call
        return call

    def _fail(self, call: object) -> None:
        now = self._clock()
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        if self._open and self._probe is not call:
            return  # it began before the breaker opened, and says nothing new
        if self._open:
            self._pause = min(2 * self._pause, self._longest_pause)
        elif self._failures >= self._most_failures:
            self._open, self._pause = True, min(FIRST_PAUSE_SECONDS, self._longest_pause)
        self._next_try = now + self._pause

    def _close(self) -> None:
        self._failures, self._open, self._probe = 0, False, None

    def _refusal(self, now: float) -> ModelUnreachable:
        left = max(0.0, self._next_try - now)
        again = "is being tried" if self._probe else f"will be tried again in {left:.1f} s"
        return ModelUnreachable(
            f"{self.name} has not answered for {now - self._failing_since:.0f} s"
            f" ({self._failures} calls in a row) and {again}; is its server running?"
        )
