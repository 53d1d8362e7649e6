"""Row A7: who cancels is heard at once, and nothing of the call is left."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.mcp_server.http_kit import call as modern_call
from tests.mcp_server.http_kit import modern
from tests.reliability.hanging_judge import HangingJudge, hanging
from tests.reliability.processes import open_files, threads
from tests.reliability.raw_stdio import RawStdio, started
from tests.reliability.rows import settle, spread
from tests.reliability.served_http import Line, ServedHttp, serving_http

pytestmark = pytest.mark.reliability

STDIO_CANCELS, HTTP_CANCELS, AT_A_TIME = 250, 250, 10
CLOSED_SECONDS = 0.25
WARM_SECONDS = 120.0
THREADS_MORE = 16  # of a pool: they come with the first calls and stay
FILES_MORE = 8  # connections that come and go


def scoring(name: str, criteria: int = 1, **also: Any) -> dict[str, Any]:
    """A call whose judging can be told from others by its name."""
    rows = [{"criterion": f"Tells {name} part {part}", "points": 5} for part in range(criteria)]
    asked = {"question": "chest pain", "answer": f"Call 112 now, {name}.", "rubric": rows}
    return {"name": "score_against_rubric", "arguments": asked | also}


def names(count: int) -> list[str]:
    return [f"case{uuid4().hex}" for _ in range(count)]


async def asked_of(judge: HangingJudge, called: list[str]) -> None:
    for name in called:
        await judge.until_asked(name, WARM_SECONDS)


def took(judge: HangingJudge, said_at: dict[str, float]) -> list[float]:
    """From each cancellation to the end of the judge's connection, in seconds."""
    closed = {name: [one.closed_at for one in judge.about(name)] for name in said_at}
    assert all(len(ends) == 1 and ends[0] for ends in closed.values()), "a judge was asked anew"
    return [(ends[0] or 0.0) - said_at[name] for name, ends in closed.items()]


def too_slow(seconds: list[float]) -> list[str]:
    return [f"closed after {one:.3f} s" for one in seconds if one > CLOSED_SECONDS]


async def test_a_cancelled_call_ends_its_judge_call_at_once(tmp_path: Path) -> None:
    seconds: list[float] = []
    async with hanging() as judge, started(tmp_path, **judge.settings) as client:
        await cancelled(client, judge, 1)  # loads what is needed
        before = counts(client.process.pid)
        for _ in range(STDIO_CANCELS // AT_A_TIME):
            seconds += await cancelled(client, judge, AT_A_TIME)
        await judge.until_alone(CLOSED_SECONDS)
        left = leftovers(before, counts(client.process.pid))
        await goes_on(client, judge)
        await client.end()

    late = [f"late: {heard.line[:200]!r}" for heard in client.unasked]
    settle(
        "A7 cancelled over stdio",
        len(seconds),
        [*too_slow(seconds), *late, *left],
        f"judge's connection closed: {spread(seconds)}; {len(late)} late messages",
        f"{CLOSED_SECONDS * 1000:.0f} ms, nothing late or left",
    )


async def cancelled(client: RawStdio, judge: HangingJudge, count: int) -> list[float]:
    """Cancel several calls while a judge is asked; seconds until it was left alone."""
    called, ids, said_at = names(count), {}, {}
    for name in called:
        ids[name] = client.next_id()
        await client.begin("tools/call", scoring(name), ids[name])
    await asked_of(judge, called)
    for name in called:
        client.forget(ids[name])
        said_at[name] = time.monotonic()
        await client.tell("notifications/cancelled", {"requestId": ids[name], "reason": "test"})
    for name in called:
        await judge.until_closed(name)
    return took(judge, said_at)


async def goes_on(client: RawStdio, judge: HangingJudge) -> None:
    """The next calls are answered, the judge's among them."""
    found = await client.call("get_health_principles", {"question": "chest pain", "k": 1})
    assert found["structuredContent"]["principles"]
    judge.let_answer()
    scored = await client.ask("tools/call", scoring("after"))
    assert scored["result"]["structuredContent"]["status"] == "complete"


async def test_hanging_up_ends_the_judge_call_at_once(tmp_path: Path) -> None:
    seconds: list[float] = []
    async with hanging() as judge, serving_http(tmp_path, **judge.settings) as served:
        await hung_up(served, judge, 1, True)
        await hung_up(served, judge, 1, False)
        before = counts(served.process.pid)
        for turn in range(HTTP_CANCELS // AT_A_TIME):
            seconds += await hung_up(served, judge, AT_A_TIME, turn % 2 == 0)
        await judge.until_alone(CLOSED_SECONDS)
        left = leftovers(before, counts(served.process.pid))
        judge.let_answer()
        async with served.line() as line:
            request = modern_call(**scoring("after"))
            said = await line.post(json.dumps(request).encode(), modern(request))
        assert said.json()["result"]["structuredContent"]["status"] == "complete"

    settle(
        "A7 hung up over HTTP",
        len(seconds),
        [*too_slow(seconds), *left],
        f"judge's connection closed: {spread(seconds)}",
        f"{CLOSED_SECONDS * 1000:.0f} ms, nothing left",
    )


async def hung_up(
    served: ServedHttp, judge: HangingJudge, count: int, is_modern: bool
) -> list[float]:
    """Hang up on several calls while a judge is asked; seconds until it was left alone."""
    lines, said_at = {}, {}
    for number, name in enumerate(names(count)):
        request = modern_call(**scoring(name), id=f"{name}-{number}")
        if not is_modern:
            del request["params"]["_meta"]
        lines[name] = Line(served.door)
        headers = modern(request) if is_modern else served.session
        await lines[name].send(json.dumps(request).encode(), headers)
    await asked_of(judge, list(lines))
    for name, line in lines.items():
        said_at[name] = time.monotonic()
        line.hang_up()
    for name in lines:
        await judge.until_closed(name)
    return took(judge, said_at)


def counts(pid: int) -> tuple[int, int]:
    return threads(pid), open_files(pid)


def leftovers(before: tuple[int, int], after: tuple[int, int]) -> list[str]:
    more_threads, more_files = after[0] - before[0], after[1] - before[1]
    too_many = more_threads > THREADS_MORE or more_files > FILES_MORE
    return [f"{more_threads} threads and {more_files} files more than before"] if too_many else []
