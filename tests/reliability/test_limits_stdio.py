"""Row A9 over stdio: what is too large is refused at once, and costs no memory."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_server.guarded import LARGEST_MESSAGE
from tests.reliability.raw_stdio import RawStdio, resident_bytes, started
from tests.reliability.rows import settle, spread

pytestmark = pytest.mark.reliability

REFUSED_SECONDS = 0.1
EACH = 20
LINES, LINE_BYTES = 100, 10_000_000
GROWTH_BYTES = 50_000_000
LARGEST_REPLY = 1024 * 1024
WARM_SECONDS = 120.0
ROW = {"criterion": "Tells the reader to call 112", "points": 5}


def scoring(**also: Any) -> dict[str, Any]:
    asked = {"question": "chest pain", "answer": "Call 112 now.", "rubric": [ROW]}
    return {"name": "score_against_rubric", "arguments": asked | also}


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


TOO_MUCH: dict[str, dict[str, Any]] = {
    "51 criteria": scoring(rubric=[ROW] * 51),
    "5,000 criteria": scoring(rubric=[ROW] * 5000),
    "an answer of 20,001 characters": scoring(answer="a" * 20_001),
    "an answer of a million characters": scoring(answer="é" * 1_000_000),
    "a rubric 65 deep": scoring(rubric=nested(65)),
    "a rubric 10,000 deep": scoring(rubric="MARK"),
    "an object of 10,000 keys": scoring(rubric=[{f"k{key}": key for key in range(10_000)}]),
    "a conversation of 20,000 turns": scoring(conversation=[{"role": "user"}] * 20_000),
}


def line_of(call: dict[str, Any], id: int) -> bytes:
    asked = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call}
    # Python makes no JSON this deep.
    deep = b"[" * 10_000 + b"]" * 10_000
    return json.dumps(asked).encode().replace(b'"MARK"', deep) + b"\n"


async def warm(client: RawStdio) -> None:
    await client.ask("tools/call", scoring(), WARM_SECONDS)


async def test_what_is_too_much_is_refused_at_once(tmp_path: Path) -> None:
    seconds: list[float] = []
    wrong: list[str] = []
    async with started(tmp_path, CLINALIGN_JUDGE="builtin") as client:
        await warm(client)
        for what, call in TOO_MUCH.items():
            await refused(client, call)  # for whatever is loaded when it is needed
            for _ in range(EACH):
                seconds.append(await refused(client, call))
                if seconds[-1] > REFUSED_SECONDS:  # once more: other programs may have been busy
                    seconds[-1] = await refused(client, call)
                wrong += [f"{what}: {seconds[-1]:.3f} s"] if seconds[-1] > REFUSED_SECONDS else []
        await client.end()
    limit = f"refused within {1000 * REFUSED_SECONDS:.0f} ms"
    settle("A9 too much over stdio", len(seconds), wrong, spread(seconds), limit)


async def refused(client: RawStdio, call: dict[str, Any]) -> float:
    """Seconds until it is."""
    id = client.next_id()
    line, reply = line_of(call, id), client.expect(id)
    begun = time.monotonic()
    await client.write(line)
    said = (await asyncio.wait_for(reply, 20)).message or {}
    seconds = time.monotonic() - begun
    assert "error" in said or said["result"]["isError"], f"taken: {line[:200]!r}"
    return seconds


async def test_a_line_that_is_too_long_gets_one_clear_error(tmp_path: Path) -> None:
    wrong: list[str] = []
    async with started(tmp_path, CLINALIGN_JUDGE="builtin") as client:
        await warm(client)
        for more in (0, 1, 100, LARGEST_MESSAGE):
            id = client.next_id()
            empty = len(line_of(scoring(answer=""), id)) - 1
            line = line_of(scoring(answer="a" * (LARGEST_MESSAGE - empty + more)), id)
            reply = client.expect(id)
            await client.write(line)
            text = json.dumps((await asyncio.wait_for(reply, 20)).message)
            wanted = f"{LARGEST_MESSAGE:,} bytes" if more else "20,000 characters"
            wrong += [] if wanted in text else [f"{more} bytes too long: {text[:300]}"]
            again = await client.call("get_score", {"job_id": "none"})
            wrong += [] if again["isError"] else ["the next call is not answered"]
        wrong += [f"unasked: {heard.line[:200]!r}" for heard in client.unasked]
        await client.end()
    settle("A9 line too long", 4, wrong, "1 error each, next call answered", "as said")


async def test_long_lines_leave_no_memory_behind(tmp_path: Path) -> None:
    async with started(tmp_path, CLINALIGN_JUDGE="builtin") as client:
        await warm(client)
        id = client.next_id()
        line = line_of(scoring(answer="a" * LINE_BYTES), id)
        wrong = await refused_lines(client, line, 3, id)  # its buffers are there then
        before = resident_bytes(client.process.pid)
        wrong += await refused_lines(client, line, LINES, id)
        growth = resident_bytes(client.process.pid) - before
        await client.ask("tools/call", scoring())
        await client.end()
    if growth > GROWTH_BYTES:
        wrong.append(f"grew by {growth / 1e6:.1f} MB")
    settle(
        "A9 memory after long lines",
        LINES,
        wrong,
        f"{growth / 1e6:.1f} MB more after {LINES} lines of {LINE_BYTES / 1e6:.0f} MB",
        f"{GROWTH_BYTES / 1e6:.0f} MB",
    )


async def refused_lines(client: RawStdio, line: bytes, count: int, id: int) -> list[str]:
    wrong = []
    for _ in range(count):
        reply = client.expect(id)
        await client.write(line)
        said = (await asyncio.wait_for(reply, 20)).message or {}
        wrong += [] if "error" in said else [str(said)[:300]]
    return wrong


async def test_the_largest_answers_are_of_bearable_size(tmp_path: Path) -> None:
    found = {"question": "chest pain " * 100, "k": 20, "verbosity": "full"}
    rows = [{"criterion": "a" * 2000 + str(row), "points": 5} for row in range(50)]
    async with started(tmp_path) as client:  # with no judge: the packet repeats the rubric
        calls = [
            {"name": "get_health_principles", "arguments": found},
            scoring(rubric=rows, answer="a" * 20_000),
        ]
        for call in calls:
            said = await client.ask("tools/call", call, WARM_SECONDS)
            assert not said["result"]["isError"]
        await client.end()
    wrong = [f"{client.largest:,} bytes"] if client.largest > LARGEST_REPLY else []
    figure = f"largest line {client.largest:,} bytes"
    settle("A9 size of answers", len(calls), wrong, figure, f"{LARGEST_REPLY:,} bytes")
