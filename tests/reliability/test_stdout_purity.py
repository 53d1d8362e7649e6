"""Row A5: standard output carries the protocol alone, whatever else prints in the process."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.raw_stdio import Heard, RawStdio, started
from tests.reliability.rows import settle

pytestmark = pytest.mark.reliability

CALLS, IN_FLIGHT = 10_000, 32
SHIPPED_CALLS = 200
NOISY = (sys.executable, "-m", "tests.reliability.noisy_server")
LIMIT = "every line is protocol"
# Runs before any other code of the process, as a user's own start-up files do.
STARTUP = """
import builtins, sys
kept = builtins.__import__
seen = set()
def loud(name, *rest, **named):
    module = kept(name, *rest, **named)
    if name in {HEAVY} and name not in seen:
        seen.add(name)
        print("noise of", name, flush=True)
    return module
builtins.__import__ = loud
"""
HEAVY = ("chromadb", "onnxruntime", "tokenizers", "numpy", "bm25s", "principle_store.chroma")


def junk(client: RawStdio) -> list[str]:
    """What came beside replies, and is no notification."""
    return [f"{heard.line[:200]!r}" for heard in client.unasked if not is_notice(heard)]


def is_notice(heard: Heard) -> bool:
    message = heard.message or {}
    return message.get("jsonrpc") == "2.0" and message.get("method", "").startswith(
        "notifications/"
    )


async def shouted(client: RawStdio, numbers: range) -> list[str]:
    """Call the noisy tool with each number; what is wrong with the replies."""
    wrong: list[str] = []
    left = iter(numbers)

    async def work() -> None:
        for number in left:
            meta = {"progressToken": number}
            call = {"name": "shout", "arguments": {"number": number}, "_meta": meta}
            said = await client.ask("tools/call", call)
            if not answers(said, number):
                wrong.append(f"{number}: {said}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(work())
    return wrong


def answers(said: dict[str, Any], number: int) -> bool:
    """Whether it is the tool's own reply: its number, or the error it raised."""
    (content,) = said["result"]["content"]
    return bool(content["text"] == str(number) or said["result"]["isError"])


async def test_a_noisy_server_says_nothing_but_protocol(tmp_path: Path) -> None:
    async with started(tmp_path, command=[*NOISY, str(tmp_path), "first"]) as client:
        wrong = await shouted(client, range(CALLS))
        code = await client.end()

    settle(
        "A5 stdout purity, noisy build",
        CALLS,
        [*wrong, *junk(client)],
        f"{client.lines:,} lines, {len(junk(client))} junk",
        LIMIT,
    )
    assert code == 0
    assert client.lines == 1 + 2 * CALLS  # initialize; then a progress notice and a reply a call
    assert "isError" in (tmp_path / "served.log").read_text(encoding="utf-8")


async def test_what_was_printed_before_the_wire_was_taken_goes_to_standard_error(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, command=[*NOISY, str(tmp_path), "late"]) as client:
        wrong = await shouted(client, range(100))
        await client.end()

    settle(
        "A5 printed before the start",
        100,
        [*wrong, *junk(client)],
        f"{len(junk(client))} junk",
        LIMIT,
    )


async def test_the_shipped_server_says_nothing_but_protocol_while_libraries_print(
    tmp_path: Path,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        STARTUP.replace("{HEAVY}", repr(HEAVY)), encoding="utf-8"
    )
    async with started(tmp_path, PYTHONPATH=str(tmp_path), CLINALIGN_JUDGE="builtin") as client:
        wrong = [
            json.dumps(said)
            for number in range(SHIPPED_CALLS)
            if (said := await client.call(*one_call(number), seconds=60))["isError"]
        ]
        await client.end()

    log = (tmp_path / "served.log").read_text(encoding="utf-8")
    settle(
        "A5 stdout purity, shipped server",
        SHIPPED_CALLS,
        [*wrong, *junk(client)],
        f"{client.lines:,} lines, {log.count('noise of')} prints of imports diverted",
        LIMIT,
    )
    assert log.count("noise of") >= 3


def one_call(number: int) -> tuple[str, dict[str, Any]]:
    question = f"chest pain for {number} hours"
    if number % 2:
        return "get_health_principles", {"question": question, "k": 3}
    return "score_against_rubric", {
        "question": question,
        "answer": "Call 112 now.",
        "rubric": [{"criterion": "Tells the reader to call 112", "points": 5}],
    }
