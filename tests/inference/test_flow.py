import asyncio
from collections.abc import Iterator

import pytest

from inference.flow import as_done
from inference.gate import Gate


async def test_everything_is_worked_on_once_and_only_so_many_at_a_time() -> None:
    running, most, taken = 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for one in range(50):
            taken += 1
            yield one

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return item

    found: list[int] = []
    async for done in as_done(items(), work, at_once=4):
        found += done
        assert taken <= len(found) + 4

    assert sorted(found) == list(range(50))
    assert most == 4


async def test_the_first_failure_ends_everything() -> None:
    stopped: list[int] = []

    async def work(item: int) -> int:
        if item == 1:
            raise ValueError("no")
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(item)
        return item

    with pytest.raises(ValueError, match="no"):
        async for _ in as_done(range(3), work, at_once=3):
            pass

    assert sorted(stopped) == [0, 2]


async def test_a_gate_lets_so_many_through_and_one_that_gives_up_frees_its_place() -> None:
    gate, inside, most = Gate(2), 0, 0

    async def pass_through() -> None:
        nonlocal inside, most
        async with gate:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    given_up = [asyncio.ensure_future(pass_through()) for _ in range(2)]
    await asyncio.sleep(0)
    for one in given_up:
        one.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    await asyncio.gather(*(pass_through() for _ in range(10)))

    assert most == 2
