"""Row A6: the server ends with its client, however that ends, and leaves nothing behind."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import ROOT
from tests.reliability.hanging_judge import HangingJudge, hanging
from tests.reliability.processes import adopting_orphans, children_of, descendants_of
from tests.reliability.raw_stdio import HELLO, SERVE, RawStdio, environment, started
from tests.reliability.rows import settle, spread

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted as Linux does it"),
]

ENDS_OF_EACH = 3
GONE_SECONDS = 2.0
GIVE_UP_SECONDS = 20.0
AT_A_TIME = 2  # more would have to wait for each other
PARENT = (sys.executable, "-I", "-S", str(Path(__file__).with_name("doomed_parent.py")))
WARM_SECONDS = 120.0  # for the first call, with several servers starting on a busy machine


async def idle(client: RawStdio, judge: HangingJudge, name: str) -> None:
    await client.ask("ping", {})


async def judge_call_in_flight(client: RawStdio, judge: HangingJudge, name: str) -> None:
    asked = {
        "question": "chest pain",
        "answer": f"Call 112 now, {name}.",
        "rubric": [{"criterion": "Tells the reader to call 112", "points": 5}],
    }
    await client.begin("tools/call", {"name": "score_against_rubric", "arguments": asked})
    await judge.until_asked(name, WARM_SECONDS)


async def embedding_in_flight(client: RawStdio, judge: HangingJudge, name: str) -> None:
    """Several questions, of which the first alone is answered."""
    first, *_ = [
        await client.begin(
            "tools/call",
            {
                "name": "get_health_principles",
                "arguments": {"question": f"{name}: what does symptom {number} mean? " * 20},
            },
        )
        for number in range(8)
    ]
    await asyncio.wait_for(first, WARM_SECONDS)


async def in_the_middle_of_a_line(client: RawStdio, judge: HangingJudge, name: str) -> None:
    pong = client.expect(name)
    await client.write(
        b'{"jsonrpc":"2.0","id":"%s","method":"ping"}\n' % name.encode()
        + b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_he'
    )
    await asyncio.wait_for(pong, WARM_SECONDS)


State = Callable[[RawStdio, HangingJudge, str], Awaitable[None]]
# Index, embedder and judge take several seconds of processor to load, so these are fewer.
KILLS: dict[State, int] = {
    idle: 88,
    in_the_middle_of_a_line: 88,
    judge_call_in_flight: 12,
    embedding_in_flight: 12,
}


async def test_the_server_is_gone_when_its_parent_was_killed(tmp_path: Path) -> None:
    took: list[float] = []
    wrong: list[str] = []
    before = {one.pid for one in children_of(os.getpid())}

    async def kill(state: State, name: str, judge: HangingJudge) -> None:
        async with started(tmp_path, command=[*PARENT, *SERVE], **judge.settings) as client:
            await state(client, judge, name)
            below = descendants_of(client.process.pid)
            wrong.extend(f"{state.__name__}: zombie" for one in below if one.state == "Z")
            client.process.kill()
            seconds = await gone([one.pid for one in below])
        took.append(seconds)
        if seconds > GONE_SECONDS:
            wrong.append(f"{state.__name__}: gone after {seconds:.2f} s")

    with adopting_orphans():
        async with hanging() as judge:
            await several([partial(kill, state, name, judge) for state, name in named(KILLS)])
        left = [one for one in children_of(os.getpid()) if one.pid not in before]
        wrong += [f"left behind: {one}" for one in left]
        reap([one.pid for one in left])
    settle("A6 parent killed", len(took), wrong, spread(took), f"gone within {GONE_SECONDS:g} s")
    assert tracebacks(tmp_path) == {}


async def test_the_server_ends_when_its_client_closes_the_pipe(tmp_path: Path) -> None:
    took: list[float] = []
    wrong: list[str] = []

    async def end(state: State, name: str, judge: HangingJudge) -> None:
        async with started(tmp_path, **judge.settings) as client:
            await state(client, judge, name)
            begun = time.monotonic()
            code = await client.end()
        took.append(time.monotonic() - begun)
        if code or took[-1] > GONE_SECONDS:
            wrong.append(f"{state.__name__}: exit code {code} after {took[-1]:.2f} s")

    async with hanging() as judge:
        cases = named(dict.fromkeys(KILLS, ENDS_OF_EACH))
        await several([partial(end, state, name, judge) for state, name in cases])
    settle("A6 pipe closed", len(took), wrong, spread(took), f"gone within {GONE_SECONDS:g} s")
    assert tracebacks(tmp_path) == {}


def named(counts: Mapping[State, int]) -> list[tuple[State, str]]:
    """Each state as often as is said, with a name for each time."""
    return [(state, f"case{uuid4().hex}") for state in counts for _ in range(counts[state])]


async def gone(pids: list[int]) -> float:
    """Seconds until all of these, adopted by us, have ended."""
    begun, left = time.monotonic(), set(pids)
    assert left
    while left and time.monotonic() - begun < GIVE_UP_SECONDS:
        left -= set(reap(list(left)))
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


def reap(pids: list[int]) -> list[int]:
    """Those of them that have ended, taken from the kernel's list."""
    ended = []
    for pid in pids:
        try:
            found, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            # Not ours yet: the kernel has not handed the orphan over, or it is gone for good.
            found = 0 if Path(f"/proc/{pid}").exists() else pid
        ended += [found] if found else []
    return ended


async def several(works: list[Callable[[], Awaitable[None]]]) -> None:
    """All of them, a few at a time."""
    left = iter(works)

    async def work() -> None:
        for one in left:
            await one()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_A_TIME):
            tasks.create_task(work())


def tracebacks(folder: Path) -> dict[str, int]:
    """What the servers' log tells of crashes: the last line of each, and how often."""
    text = (folder / "served.log").read_text(encoding="utf-8")
    return Counter(part.splitlines()[-1][:200] for part in text.split("Traceback ")[1:])


@pytest.mark.parametrize("what", ["reads nothing and closes its input", "closes its output"])
def test_a_client_that_stops_listening_is_not_waited_for(tmp_path: Path, what: str) -> None:
    greeting = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
    with (
        (tmp_path / "served.log").open("wb") as log,
        subprocess.Popen(
            SERVE,
            cwd=ROOT,
            env=environment(tmp_path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(greeting).encode() + b"\n")
        assert b"clinalign" in server.stdout.readline()
        begun = time.monotonic()
        if what == "closes its output":
            server.stdout.close()
            server.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n')
        else:
            for number in range(1, 9):  # more than a pipe holds
                asked = {"jsonrpc": "2.0", "id": number, "method": "tools/list"}
                server.stdin.write(json.dumps(asked).encode() + b"\n")
            server.stdin.close()
        code = server.wait(GIVE_UP_SECONDS)

    seconds = time.monotonic() - begun
    wrong = [f"exit code {code} after {seconds:.2f} s"] if code or seconds > GONE_SECONDS else []
    settle(f"A6 client {what}", 1, wrong, spread([seconds]), f"gone within {GONE_SECONDS:g} s")
