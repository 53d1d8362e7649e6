"""What the MCP server costs its clients: the start, a call, a crowd of calls, and memory.

    python benchmarks/serving.py [--only start|call|crowd|memory] [--json OUT]

`start`: from the start of the process to the answered `initialize` and `tools/list`, beside an SDK
server without tools, one right after the other, as ratios of each pair. `call`: warm
`get_health_principles` over stdio beside reading and searching in this process, with the same new
questions in turn. `crowd`: 64 HTTP connections x 200 calls. `memory`: resident memory over 20,000
calls over stdio, half of them with new questions, every tenth a score.

Ratios stand on a busy machine too; absolute times want a quiet one. No judge is configured.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from clinalign.settings import Settings, quiet_libraries
from tests.reliability.load_client import (
    CLINALIGN,
    MODERN,
    OLD,
    Asked,
    Heard,
    StdioLine,
    crowd,
    environment,
    lines,
    serving,
    tool_call,
)

ROOT = Path(__file__).parent.parent
EMPTY = str(ROOT / "benchmarks" / "serving_peers" / "empty_server.py")
OURS = {
    "clinalign serve": [CLINALIGN, "serve"],
    "python -m mcp_server": [sys.executable, "-m", "mcp_server"],
}
PAIRS = 20
CALLS = 100
CONNECTIONS, CALLS_EACH = 64, 200
EARLY, LATE, IN_FLIGHT = 2_000, 20_000, 8

Figures = dict[str, Any]
Seconds = tuple[float, float]
"""From the start of a process to the answered `initialize`, and to `tools/list`."""


def started(command: Sequence[str], folder: Path) -> Seconds:
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _ask(process, 1, "initialize", HELLO)
            welcomed = time.perf_counter() - began
            _tell(process, {"method": "notifications/initialized"})
            _ask(process, 2, "tools/list", {})
            return welcomed, time.perf_counter() - began
        finally:
            process.kill()


HELLO = {
    "protocolVersion": OLD,
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


def _ask(process: "subprocess.Popen[bytes]", id: int, method: str, params: Figures) -> None:
    assert process.stdout is not None
    _tell(process, {"id": id, "method": method, "params": params})
    said = json.loads(process.stdout.readline())
    assert said["id"] == id, said
    assert "result" in said, said


def _tell(process: "subprocess.Popen[bytes]", frame: Figures) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
    process.stdin.flush()


def start(folder: Path) -> Figures:
    """Each of ours right beside an empty server, which goes first every other time."""
    empty = [sys.executable, EMPTY]
    pairs: dict[str, list[tuple[Seconds, Seconds]]] = {name: [] for name in OURS}
    for command in (empty, *OURS.values()):  # compiles what is not compiled yet
        started(command, folder)
    for turn in range(PAIRS):
        for name, command in OURS.items():
            both = [empty, command] if turn % 2 else [command, empty]
            seconds = [started(one, folder) for one in both]
            pairs[name].append((seconds[turn % 2], seconds[1 - turn % 2]))
    return {name: _compared(found) for name, found in pairs.items()}


def _compared(pairs: Sequence[tuple[Seconds, Seconds]]) -> Figures:
    """Of pairs (ours, the empty server's)."""
    figures: Figures = {"pairs": len(pairs)}
    for place, until in enumerate(("initialize", "tools/list")):
        ours = statistics.median(one[place] for one, _ in pairs)
        empty = statistics.median(other[place] for _, other in pairs)
        ratio = statistics.median(one[place] / other[place] for one, other in pairs)
        figures[until] = {
            "ours ms": _milliseconds(ours),
            "empty server's ms": _milliseconds(empty),
            "median ratio": round(ratio, 3),
        }
    return figures


async def call(folder: Path) -> Figures:
    """The same new questions over stdio and in this process, one after the other."""
    search = _search_here(folder)
    line = await StdioLine.opened(CLINALIGN, "serve", env=environment(folder))
    served: list[float] = []
    here: list[float] = []

    async def over_stdio(question: str) -> None:
        await line.ask(tool_call("get_health_principles", question=question))

    try:
        for turn, question in enumerate(islice(new_questions(), CALLS + 10)):
            ways = [(over_stdio, served), (search, here)]
            for ask, seconds in ways if turn % 2 else reversed(ways):
                began = time.perf_counter()
                await ask(question)
                seconds.append(time.perf_counter() - began)
    finally:
        await line.close()
    # The first ones load the models and fill what both keep.
    medians = [statistics.median(seconds[10:]) for seconds in (served, here)]
    return {
        "calls": CALLS,
        "over stdio p50 ms": _milliseconds(medians[0]),
        "search p50 ms": _milliseconds(medians[1]),
        "above it ms": _milliseconds(medians[0] - medians[1]),
    }


def _search_here(folder: Path) -> Callable[[str], Awaitable[object]]:
    # Imported here: the start is measured in processes of their own, but this one would be busy.
    from clinalign.parts import open_house
    from inference.messages import Conversation

    house = open_house(Settings(data_dir=folder), "client")

    async def search(question: str) -> object:
        reading = await house.reader.read(Conversation.of(question))
        return await house.search.find(reading, 8)

    return search


async def crowded(folder: Path) -> Figures:
    with serving(folder) as address:
        async with lines(address, CONNECTIONS, MODERN) as opened:
            await crowd((opened[0], islice(known(0), 20)))
            heard = await crowd(
                *((line, islice(known(place), CALLS_EACH)) for place, line in enumerate(opened))
            )
    p50, p99 = heard.within(0.5), heard.within(0.99)
    return {
        "connections": CONNECTIONS,
        "calls": len(heard.seconds),
        "errors": len(heard.failed),
        "p50 ms": round(p50, 1),
        "p99 ms": round(p99, 1),
        "p99 / p50": round(p99 / p50, 2),
        "calls a second": round(heard.rate),
    }


async def memory(folder: Path) -> Figures:
    line = await StdioLine.opened(CLINALIGN, "serve", env=environment(folder))
    asked = _mixed()
    sizes: list[float] = []
    failed = 0
    try:
        for count in (EARLY, LATE - EARLY):
            each = count // IN_FLIGHT
            heard: Heard = await crowd(
                *((line, list(islice(asked, each))) for _ in range(IN_FLIGHT))
            )
            failed += len(heard.failed)
            sizes.append(resident_mib(line.pid))
    finally:
        await line.close()
    return {
        "calls": LATE,
        "errors": failed,
        f"MiB after {EARLY:,}": round(sizes[0], 1),
        f"MiB after {LATE:,}": round(sizes[1], 1),
        "growth MiB": round(sizes[1] - sizes[0], 1),
    }


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def known(place: int) -> Iterator[Asked]:
    """Eight questions again and again."""
    while True:
        place += 1
        question = f"May I take ibuprofen in week {place % 8 + 20} of my pregnancy?"
        yield tool_call("get_health_principles", question=question)


def new_questions() -> Iterator[str]:
    """Questions that were never asked before."""
    whats = ("chest pain", "a fever", "back pain", "a dry cough", "a swollen leg", "headaches")
    for number in range(10**9):
        what, days = whats[number % len(whats)], number // len(whats) + 2
        yield f"My father is {number % 60 + 20} and has had {what} for {days} days. What now?"


def _mixed() -> Iterator[Asked]:
    """Known and new questions in turn; every tenth call is a score instead."""
    repeated, fresh = known(0), new_questions()
    rubric = [{"criterion": "Names the emergency number", "points": 5}]
    for number in range(10**9):
        if number % 10 == 9:
            answer = f"Call 112 now ({number})."
            told = {"question": "My chest hurts.", "answer": answer, "rubric": rubric}
            yield tool_call("score_against_rubric", **told)
        elif number % 2:
            yield next(repeated)
        else:
            yield tool_call("get_health_principles", question=next(fresh))


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _rows(figures: Figures, above: str = "") -> Iterator[str]:
    for name, value in figures.items():
        path = f"{above}, {name}" if above else name
        if isinstance(value, dict):
            yield from _rows(value, path)
        else:
            yield f"{path:58} {value:>12,}"


def main() -> None:
    quiet_libraries()  # as the server does, before anything heavy is imported
    measures: dict[str, Callable[[Path], Figures]] = {
        "start": start,
        "call": lambda folder: asyncio.run(call(folder)),
        "crowd": lambda folder: asyncio.run(crowded(folder)),
        "memory": lambda folder: asyncio.run(memory(folder)),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=measures)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: Figures = {"load before": round(os.getloadavg()[0], 2)}
    for name in [given.only] if given.only else measures:
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = measures[name](Path(folder))
        print("\n".join(_rows(figures[name], name)), flush=True)
    figures["load after"] = round(os.getloadavg()[0], 2)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
