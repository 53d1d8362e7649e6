"""Row A8: whatever comes in is answered once, soon, and without telling what it should not."""

import asyncio
import itertools
import json
import os
import random
import reprlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.mcp_server.http_kit import ENVELOPE, Reply, modern
from tests.reliability.raw_frames import RESULT, Frame, Framer
from tests.reliability.raw_stdio import RawStdio, started
from tests.reliability.rows import settle, spread
from tests.reliability.served_http import ServedHttp, serving_http
from tests.reliability.wild_calls import CANARY, NUMBER, Call, Caller

pytestmark = pytest.mark.reliability

SEED = int(os.environ.get("CLINALIGN_TEST_SEED") or random.SystemRandom().randrange(10**6))
CALLS, FRAMES = 5000, 1000  # over each transport
IN_FLIGHT = 4
HANGS_SECONDS, GIVE_UP_SECONDS = 2.0, 60.0
CANARY_EVERY = 100
GOOD = Call("get_health_principles", {"question": "chest pain and sweating", "k": 1})
LIMIT = f"one answer to each within {HANGS_SECONDS:g} s, all that is wrong refused, nothing told"
TELLING = (
    *("Traceback", "site-packages", 'File "', "object at 0x", "pydantic", CANARY, str(NUMBER)),
    *(str(ROOT), sys.prefix, str(Path.home()) + "/", "Jane Q", "served.log"),
)

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes the params of a tool call, gives the reply."""


@dataclass
class Tally:
    folder: Path
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def hear(self, about: str, seconds: float, answer: str, secret: bool = True) -> None:
        """Count an answer; `secret` if nothing of what was sent may be in it."""
        self.seconds.append(seconds)
        if seconds > HANGS_SECONDS:
            self.wrong.append(f"{about}: answered after {seconds:.1f} s")
        told = [sign for sign in (*TELLING, str(self.folder)) if secret and sign in answer]
        if told:
            self.wrong.append(f"{about}: tells {told} in {answer[:300]}")

    def settle(self, name: str, tried: int) -> None:
        figure = f"seed {SEED}, {dict(self.kinds.most_common())}, {spread(self.seconds)}"
        settle(name, tried, self.wrong, figure, LIMIT)


async def called(ask: Ask, calls: Iterable[Call], tally: Tally) -> None:
    """Make the calls, several at a time, with a good one after every hundred."""
    wanted = await ask(GOOD.params)
    left = iter(calls)
    count = itertools.count(1)

    async def work() -> None:
        for call in left:
            await one(call)
            if next(count) % CANARY_EVERY == 0:
                tally.kinds["canary"] += 1
                said = await ask(GOOD.params)
                if said["result"] != wanted["result"]:
                    tally.wrong.append(f"the good call says {other(wanted, said)}")

    async def one(call: Call) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                said = await ask(call.params)
        except TimeoutError:
            tally.wrong.append(f"no answer to {shown(call)}")
            return
        tally.hear(shown(call), time.monotonic() - begun, json.dumps(said), bool(call.fault))
        refused = "error" in said or said["result"].get("isError", False)
        tally.kinds["refused" if refused else "done"] += 1
        if call.fault and not refused:
            tally.wrong.append(f"{call.fault} is taken: {shown(call)}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(work())


def shown(call: Call) -> str:
    short = reprlib.Repr()
    short.maxstring, short.maxdict, short.maxlevel = 60, 12, 5
    return f"{call.fault or 'right'}: {call.tool} {short.repr(call.arguments)}"


def other(one: Any, two: Any) -> str:
    """The first place where two texts part."""
    one, two = json.dumps(one["result"]), json.dumps(two.get("result"))
    place = next((n for n, pair in enumerate(zip(one, two, strict=False)) if len(set(pair)) > 1), 0)
    return f"{two[max(0, place - 80) : place + 80]} for {one[place : place + 80]}"


async def test_wild_calls_over_stdio(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    async with started(tmp_path, CLINALIGN_JUDGE="builtin") as client:

        async def ask(params: dict[str, Any]) -> dict[str, Any]:
            return await client.ask("tools/call", params, GIVE_UP_SECONDS)

        tools = (await client.ask("tools/list", {}))["result"]["tools"]
        await warm(ask)
        await called(ask, Caller(tools, SEED).calls(CALLS), tally)
        tally.wrong += [f"unasked: {heard.line[:200]!r}" for heard in client.unasked]
        assert await client.end() == 0
    tally.settle("A8 wild calls over stdio", CALLS)


async def warm(ask: Ask) -> None:
    """Load what the first calls load, which may take longer than any later call."""
    await ask(GOOD.params)
    arguments = {"question": "chest pain", "answer": "Call 112 now."}
    await ask({"name": "score_against_rubric", "arguments": arguments})


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_wild_calls_over_http(tmp_path: Path, revision: str) -> None:
    tally = Tally(tmp_path)
    async with (
        serving_http(tmp_path, CLINALIGN_JUDGE="builtin") as served,
        asking(served, revision == "2026-07-28") as ask,
    ):
        await warm(ask)
        await called(ask, Caller(await listed(served), SEED + 1).calls(CALLS // 2), tally)
    tally.settle(f"A8 wild calls over HTTP, {revision}", CALLS // 2)


async def listed(served: ServedHttp) -> list[dict[str, Any]]:
    async with served.line() as line:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        said = (await line.post(json.dumps(asked).encode(), served.session)).json()
    tools: list[dict[str, Any]] = said["result"]["tools"]
    return tools


@asynccontextmanager
async def asking(served: ServedHttp, is_modern: bool) -> AsyncIterator[Ask]:
    """A way to call tools over connections that are kept."""
    ids = itertools.count(1)
    async with AsyncExitStack() as open_lines:
        # One for each call in flight, so that none waits for another.
        free = [await open_lines.enter_async_context(served.line()) for _ in range(IN_FLIGHT)]

        async def ask(params: dict[str, Any]) -> dict[str, Any]:
            meta = {"_meta": ENVELOPE} if is_modern else {}
            asked = {"jsonrpc": "2.0", "id": next(ids), "method": "tools/call"}
            asked["params"] = {**params, **meta}
            named = isinstance(params["name"], str) and params["name"].isascii()
            named_so = {"params": {"name": params["name"] if named else ""}}
            headers = modern(asked | named_so) if is_modern else served.session
            line = free.pop()
            try:
                said: Reply = await line.post(json.dumps(asked).encode(), headers)
            finally:
                free.append(line)
            answer: dict[str, Any] = said.json()
            assert answer["id"] == asked["id"]
            return answer

        yield ask


async def test_raw_frames_over_stdio(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    async with started(tmp_path) as client:
        await client.ask("ping", {})
        for frame in Framer(SEED).frames(FRAMES):
            await framed(client, frame, tally)
            if len(tally.seconds) % CANARY_EVERY == 0:
                tally.kinds["canary"] += 1
                await client.call(GOOD.tool, GOOD.arguments, GIVE_UP_SECONDS)
        assert await client.end() == 0
    tally.settle("A8 raw frames over stdio", FRAMES)


async def framed(client: RawStdio, frame: Frame, tally: Tally) -> None:
    """Send a frame and a ping; between them comes the frame's one answer."""
    client.unasked.clear()
    reply = None if frame.id is None else client.expect(frame.id)
    begun = time.monotonic()
    await client.write(frame.data + b"\n")
    pong = await client.begin("ping", {}, id=f"pong {begun}")
    try:
        heard = [await asyncio.wait_for(reply, HANGS_SECONDS)] if reply else []
        await asyncio.wait_for(pong, HANGS_SECONDS)
    except TimeoutError:
        tally.wrong.append(f"no answer to {frame.about}: {frame.data[:200]!r}")
        return
    heard += client.unasked
    tally.hear(frame.about, time.monotonic() - begun, str([one.line for one in heard]))
    judge_answers(frame, [one.message for one in heard], tally)


def judge_answers(frame: Frame, answers: list[dict[str, Any] | None], tally: Tally) -> None:
    """Note where a frame got other than its one answer."""
    codes = [(one or {}).get("error", {}).get("code", RESULT) for one in answers]
    ids = [(one or {}).get("id") for one in answers]
    right = not answers if not frame.codes else ids == [frame.id] and codes[0] in frame.codes
    tally.kinds[str(codes[0]) if codes else "no answer"] += 1
    if not right:
        tally.wrong.append(f"{frame.about}, {frame.data[:200]!r}: {str(answers)[:300]}")


async def test_raw_frames_over_http(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    async with serving_http(tmp_path) as served, served.line() as line:
        for frame in Framer(SEED + 1).frames(FRAMES):
            begun = time.monotonic()
            async with asyncio.timeout(GIVE_UP_SECONDS):
                said = await line.post(frame.data, served.session)
            tally.hear(frame.about, time.monotonic() - begun, said.body.decode())
            judge_answers(frame, [said.json()] if said.body else [], tally)
    tally.settle("A8 raw frames over HTTP", FRAMES)
