"""Many callers at once: nothing is lost, nobody waits long, a judge that hangs holds up nobody.

Rows A10 and A11. The callers share the machine with the server: its figures are a lower limit.
"""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inference.embedding import OnnxEmbedder
from rubrics.model_judge import IN_FLIGHT
from tests.reliability.load_client import (
    CLINALIGN,
    MODERN,
    OLD,
    QUESTIONS,
    Asked,
    HttpLine,
    StdioLine,
    crowd,
    environment,
    lines,
    principles_for,
    serving,
    tell,
    tool_call,
)
from tests.reliability.slow_judge import NEVER, slow_judge

pytestmark = pytest.mark.reliability

Capture = pytest.CaptureFixture[str]

RUBRIC = [
    {"criterion": "Tells the reader to call the emergency number", "points": 9},
    {"criterion": "Asks since when it hurts", "points": 3},
    {"criterion": "Names a person to talk to", "points": 2},
    {"criterion": "Suggests waiting until the morning", "points": -7},
]
TICK_SECONDS = 0.005


def repeated(first: int, count: int) -> Iterator[Asked]:
    return (principles_for(QUESTIONS[(first + turn) % len(QUESTIONS)]) for turn in range(count))


def new(seed: int, count: int) -> Iterator[Asked]:
    return map(principles_for, islice(new_questions(seed), count))


def a_score(mark: str, seconds: float = 45.0) -> Asked:
    answer = f"Call 112 now; this is mark-{mark}. Since when does it hurt?"
    asked = {"question": "My chest hurts.", "answer": answer, "rubric": RUBRIC}

    def wrong(said: bytes) -> str:
        is_mine = said.count(f"mark-{mark}".encode()) >= len(RUBRIC)
        return "" if is_mine and b'"status":"complete"' in said else f"not it: {said[-300:]!r}"

    call = tool_call("score_against_rubric", **asked, budget_seconds=seconds)
    return replace(call, wrong=wrong)


def scores(place: int) -> Iterator[Asked]:
    return (a_score(f"{place}-{turn}") for turn in range(50))


def new_questions(seed: int) -> Iterator[str]:
    """Questions that no embedder has seen before."""
    some = random.Random(seed)
    who = ("father", "baby", "wife", "son", "neighbour", "grandmother", "sister", "patient")
    what = ("chest pain", "a fever", "back pain", "a dry cough", "a swollen leg", "headaches")
    while True:
        since = f"{some.randint(2, 400)} {some.choice(('hours', 'days', 'weeks'))}"
        yield (
            f"My {some.choice(who)} is {some.randint(1, 90)} and has had {some.choice(what)} "
            f"for {since}. What should we do? ({some.randint(0, 10**6)})"
        )


def embedded_a_second(questions: list[str]) -> float:
    """The embedder's own rate, one question a call, with the machine to itself."""
    embedder = OnnxEmbedder()
    embedder.embed(["loads the model"])
    began = time.perf_counter()
    for question in questions:
        embedder.embed([question])
    return len(questions) / (time.perf_counter() - began)


@contextmanager
def ticking(address: str) -> Iterator[list[float]]:
    """Seconds that the server's loop took to come round to us, asked all the time.

    `/health` is answered by the loop itself, so whatever blocks it delays that answer by as long.
    """
    delays: list[float] = []
    stop = threading.Event()
    line = HTTPConnection(str(urlsplit(address).netloc), timeout=60)

    def ask() -> None:
        while not stop.wait(TICK_SECONDS):
            began = time.perf_counter()
            line.request("GET", "/health")
            line.getresponse().read()
            delays.append(time.perf_counter() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield delays
    finally:
        stop.set()
        asking.join()
        line.close()


async def warmed_up(line: HttpLine | StdioLine) -> None:
    heard = await crowd((line, map(principles_for, QUESTIONS)))
    assert not heard.failed


# That of 2025-11-25 answers by event streams, which cost the SDK a third of the rate.
@pytest.mark.parametrize(("revision", "rate"), [(MODERN, 250), (OLD, 200)])
async def test_64_connections_repeat_questions_at_a_good_rate(
    tmp_path: Path, capsys: Capture, revision: str, rate: int
) -> None:
    with serving(tmp_path) as address:
        async with lines(address, 64, revision) as crowded:
            await warmed_up(crowded[0])
            heard = await crowd(
                *((line, repeated(place, 100)) for place, line in enumerate(crowded))
            )

    tell(capsys, f"A10 repeated questions, {revision}", f"{heard} (p99 <= 500 ms, >= {rate}/s)")
    assert not heard.failed
    assert len(heard.seconds) == 64 * 100
    assert heard.within(0.99) <= 500
    assert heard.rate >= rate


@pytest.mark.xfail(reason="45 % measured: the rest of the search takes longer than the embedder")
async def test_new_questions_are_answered_at_60_percent_of_the_embedders_rate(
    tmp_path: Path, capsys: Capture
) -> None:
    alone = list(islice(new_questions(seed=0), 300))

    with serving(tmp_path) as address:
        async with lines(address, 64, MODERN) as crowded:
            await warmed_up(crowded[0])
            before = embedded_a_second(alone)
            heard = await crowd(*((line, new(seed, 25)) for seed, line in enumerate(crowded, 1)))
            after = embedded_a_second(alone)

    share = heard.rate / ((before + after) / 2)
    embedded = f"the embedder alone {before:.0f}/s and {after:.0f}/s: {share:.0%} of it"
    tell(capsys, "A10 new questions", f"{heard}; {embedded} (>= 60 %)")
    assert not heard.failed
    assert len(heard.seconds) == 64 * 25
    assert share >= 0.6


async def test_one_client_over_stdio_keeps_16_calls_in_flight(
    tmp_path: Path, capsys: Capture
) -> None:
    line = await StdioLine.opened(CLINALIGN, "serve", env=environment(tmp_path))
    try:
        await warmed_up(line)
        heard = await crowd(*((line, repeated(place, 200)) for place in range(16)))
    finally:
        await line.close()

    tell(capsys, "A10 stdio", f"{heard} (p99 <= 400 ms)")
    assert not heard.failed
    assert len(heard.seconds) == 16 * 200
    assert heard.within(0.99) <= 400


async def test_32_clients_score_at_once_with_a_judge_that_takes_50_ms(
    tmp_path: Path, capsys: Capture
) -> None:
    async with slow_judge(0.05) as judge:
        with serving(tmp_path, **judge.settings) as address:
            async with lines(address, 32, MODERN) as crowded:
                first = await crowd((crowded[0], [a_score("first")]))
                heard = await crowd(*((line, scores(turn)) for turn, line in enumerate(crowded)))

    tell(capsys, "A11 scoring", f"{heard}, {judge.judged:,} judged (p99 <= 600 ms)")
    assert not [*first.failed, *heard.failed]
    assert judge.judged == 1 + 32 * 50
    assert heard.within(0.99) <= 600


async def test_judge_calls_that_hang_hold_up_no_search(tmp_path: Path, capsys: Capture) -> None:
    async with slow_judge(NEVER) as judge:
        with serving(tmp_path, **judge.settings) as address:
            async with lines(address, 32, MODERN) as hanging, lines(address, 4, MODERN) as free:
                await warmed_up(free[0])
                with ticking(address) as at_rest:
                    await asyncio.sleep(2)  # how punctual this machine is by itself
                asked = [line.ask(a_score("none", 300.0)) for line in hanging]
                with ticking(address) as while_the_first_is_sent:
                    hung = [asyncio.create_task(asked[0])]
                    await judge.until_in_flight(1)
                hung += [asyncio.create_task(one) for one in asked[1:]]
                await judge.until_in_flight(IN_FLIGHT)
                with ticking(address) as while_all_hang:
                    heard = await crowd(*((line, repeated(0, 200)) for line in free))
                still_hung = sum(not task.done() for task in hung)
                for task in hung:
                    task.cancel()

    rest, *blocked = (1000 * max(one) for one in (at_rest, while_the_first_is_sent, while_all_hang))
    tell(
        capsys,
        f"A11 search while {still_hung} scorings hang",
        f"{heard} (p99 <= 200 ms); the loop was blocked {blocked[0]:.0f} ms at most by the first "
        f"scoring and {blocked[1]:.0f} ms while all hang (<= 50 ms; at rest {rest:.0f} ms)",
    )
    assert still_hung == 32
    assert not heard.failed
    assert heard.within(0.99) <= 200
    assert max(blocked) <= 50
