"""Works on many things at once, without ever holding them all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def as_done(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], at_once: int
) -> AsyncIterator[list[Result]]:
    """The results as they come, in any order; those that are there together come together.

    Args:
        items: read one by one, as places fall free.
        work: what is done with each; its first exception ends everything.
        at_once: items worked on, or done and not taken yet, at a time.
    """
    done: asyncio.Queue[asyncio.Task[Result]] = asyncio.Queue()
    running: set[asyncio.Task[Result]] = set()
    waiting = iter(items)

    def start_next() -> None:
        for item in waiting:
            task = asyncio.ensure_future(work(item))
            running.add(task)
            task.add_done_callback(done.put_nowait)
            break

    try:
        for _ in range(at_once):
            start_next()
        while running:
            finished = [await done.get()]
            while not done.empty():
                finished.append(done.get_nowait())
            running.difference_update(finished)
            yield [task.result() for task in finished]
            # Not before: what was not taken yet may still be lost, and counts among those at once.
            for _ in finished:
                start_next()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
