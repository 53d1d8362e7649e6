"""Lets so many calls through at once, and the first ones a moment after one another.

Calls that start in the same instant come back in the same instant, so that all wait for one
processor time and again; and each reads what they share before a server could keep it.
"""

import asyncio
from types import TracebackType

PAUSE_SECONDS = 0.003  # about what a call costs its sender


class Gate:
    """An asynchronous context manager; for the event loop in which it is first used."""

    def __init__(self, at_once: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._unused = at_once
        self._next_start = 0.0

    async def __aenter__(self) -> None:
        await self._places.acquire()
        if self._unused > 0:
            self._unused -= 1
            await self._take_turn()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._places.release()

    async def _take_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next_start = start = max(now, self._next_start + PAUSE_SECONDS)
        try:
            await asyncio.sleep(start - now)
        except BaseException:
            self._places.release()
            raise
