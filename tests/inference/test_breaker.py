"""The breaker on a scripted server and a clock of its own."""

import asyncio
from contextlib import suppress

import pytest

from inference.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, MOST_FAILURES, Breaker
from inference.chat import Reply, Sampling
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Message
from inference.scripted import ScriptedChat

ASKED = [Message(role="user", content="x")]
GONE = ModelUnreachable("nothing answers at http://x")


class Clock:
    """A fake: stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Held:
    """A fake whose calls wait to be answered, each by itself."""

    name = "held (a fake)"

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Reply]] = []

    async def complete(self, *_: object) -> Reply:
        self.calls.append(asyncio.get_running_loop().create_future())
        return await self.calls[-1]

    async def reached(self, calls: int) -> None:
        for _ in range(1000):
            if len(self.calls) >= calls:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(self.calls)} calls came, not {calls}")


async def opened(breaker: Breaker) -> None:
    for _ in range(MOST_FAILURES):
        with pytest.raises(ModelUnreachable, match="nothing answers"):
            await breaker.complete(ASKED)


async def test_it_opens_after_some_failures_in_a_row_and_then_asks_nobody() -> None:
    clock, chat = Clock(), ScriptedChat([GONE] * MOST_FAILURES)
    breaker = Breaker(chat, clock)
    await opened(breaker)
    clock.now += 0.1

    with pytest.raises(ModelUnreachable) as told:
        await breaker.complete(ASKED)

    assert len(chat.asked) == MOST_FAILURES <= 5
    assert "has not answered for 0 s (5 calls in a row)" in str(told.value)
    assert f"tried again in {FIRST_PAUSE_SECONDS - 0.1:.1f} s" in str(told.value)


async def test_it_says_since_when_nothing_answers() -> None:
    clock = Clock()
    breaker = Breaker(ScriptedChat([GONE] * MOST_FAILURES), clock)
    for _ in range(MOST_FAILURES):
        with pytest.raises(ModelUnreachable):
            await breaker.complete(ASKED)
        clock.now += 30

    clock.now -= 30
    with pytest.raises(ModelUnreachable, match="has not answered for 120 s"):
        await breaker.complete(ASKED)


@pytest.mark.parametrize("between", ["Hello.", ModelError("HTTP 400")])
async def test_an_answer_of_any_kind_starts_the_count_anew(between: str | ModelError) -> None:
    almost = [GONE] * (MOST_FAILURES - 1)
    chat = ScriptedChat([*almost, between, *almost])
    breaker = Breaker(chat, Clock())

    for _ in range(2 * len(almost) + 1):
        with suppress(ModelError):
            await breaker.complete(ASKED)

    assert not breaker.is_open
    assert len(chat.asked) == 2 * len(almost) + 1


async def test_the_pause_doubles_up_to_a_limit_and_an_answer_ends_it() -> None:
    clock, probes = Clock(), 5
    chat = ScriptedChat([GONE] * (MOST_FAILURES + probes) + ["Back."])
    breaker = Breaker(chat, clock)
    await opened(breaker)

    pauses: list[float] = []
    for _ in range(probes):
        began = clock.now
        while len(chat.asked) == MOST_FAILURES + len(pauses):
            clock.now += 0.01
            with pytest.raises(ModelUnreachable):
                await breaker.complete(ASKED)
        pauses.append(clock.now - began)
    clock.now += LONGEST_PAUSE_SECONDS
    reply = await breaker.complete(ASKED)

    expected = [min(FIRST_PAUSE_SECONDS * 2**n, LONGEST_PAUSE_SECONDS) for n in range(probes)]
    assert pauses == pytest.approx(expected, abs=0.02)
    assert reply.text == "Back."
    assert not breaker.is_open


async def test_of_many_callers_one_is_let_through_to_try() -> None:
    clock, chat = Clock(), Held()
    breaker = Breaker(chat, clock)
    many = [asyncio.ensure_future(breaker.complete(ASKED)) for _ in range(16)]
    await chat.reached(16)
    for call in chat.calls:
        call.set_exception(GONE)
    await asyncio.gather(*many, return_exceptions=True)
    assert breaker.is_open

    clock.now += FIRST_PAUSE_SECONDS  # the pause was not lengthened by calls begun before it
    many = [asyncio.ensure_future(breaker.complete(ASKED)) for _ in range(16)]
    await chat.reached(17)
    chat.calls[-1].set_result(Reply(text="Back."))
    said = await asyncio.gather(*many, return_exceptions=True)

    assert len(chat.calls) == 17
    assert [one for one in said if isinstance(one, Reply)] == [Reply(text="Back.")]
    assert sum("is being tried" in str(one) for one in said) == 15


async def test_a_try_that_is_given_up_leaves_the_next_one_its_turn() -> None:
    clock, chat = Clock(), Held()
    breaker = Breaker(chat, clock)
    await _fail(breaker, chat, MOST_FAILURES)
    clock.now += FIRST_PAUSE_SECONDS
    probe = asyncio.ensure_future(breaker.complete(ASKED))
    await chat.reached(MOST_FAILURES + 1)

    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    again = asyncio.ensure_future(breaker.complete(ASKED))
    await chat.reached(MOST_FAILURES + 2)
    chat.calls[-1].set_result(Reply(text="Back."))

    assert (await again).text == "Back."


async def test_a_late_answer_to_an_early_call_closes_it() -> None:
    chat = Held()
    breaker = Breaker(chat, Clock())
    early = asyncio.ensure_future(breaker.complete(ASKED))
    await chat.reached(1)
    await _fail(breaker, chat, MOST_FAILURES)
    assert breaker.is_open

    chat.calls[0].set_result(Reply(text="At last."))
    await early

    assert not breaker.is_open


async def test_what_is_asked_and_heard_goes_through() -> None:
    pieces: list[str] = []
    chat = ScriptedChat(["{}"])
    schema = {"type": "object"}

    reply = await Breaker(chat).complete(ASKED, Sampling(), schema, pieces.append)

    assert (reply.text, pieces) == ("{}", ["{}"])
    assert (chat.asked, chat.schemas) == ([tuple(ASKED)], [schema])


async def _fail(breaker: Breaker, chat: Held, times: int) -> None:
    for _ in range(times):
        call = asyncio.ensure_future(breaker.complete(ASKED))
        await chat.reached(len(chat.calls) + 1)
        chat.calls[-1].set_exception(GONE)
        await asyncio.gather(call, return_exceptions=True)
