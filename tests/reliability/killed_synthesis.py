"""Kills a synthesis again and again, and prints what was lost, doubled or asked for anew.

    python -m tests.reliability.killed_synthesis FOLDER KILLS

Tools and model are fakes; rows, files and what takes a run up again are the product's own. Each run
is forked, so that 200 of them do not have to load everything 200 times.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from clinalign.commands.synthesize import work
from clinalign.commands.synthesize_rows import Order
from clinalign.commands.synthesize_tally import Tally
from inference.chat import Reply
from inference.embedding import OnnxEmbedder
from principle_store.loading import load_library, load_taxonomy
from principle_store.types import LibraryStamp, Principle
from training.controls import Controls
from training.synthesis import Means, Synthesis

ROWS, IN_FLIGHT = 120, 8
SECONDS_A_CALL = 0.02
LIBRARY = load_library(load_taxonomy())
WRITTEN = [
    ("Tells the reader when to see a doctor", 7, "accuracy"),
    ("Asks for the reader's age", 5, "context_awareness"),
    ("Recommends doubling a missed dose", -8, "accuracy"),
]
REPLY = json.dumps(
    {
        "criteria": [
            {"criterion": text, "points": points, "axis": axis, "critical": False, "principle": 1}
            for text, points, axis in WRITTEN
        ]
    }
)


class Tools:
    """A fake: the library without a server."""

    async def principle(self, id: str) -> Principle:
        return next(one for one in LIBRARY.principles if one.id == id)


class Writer:
    """A fake: the same rubric always; every call is written down."""

    name = "scripted (a fake)"

    def __init__(self, calls: Path) -> None:
        self._calls = os.open(calls, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def complete(self, *_: Any, **__: Any) -> Reply:
        os.write(self._calls, b".")
        await asyncio.sleep(SECONDS_A_CALL)
        return Reply(text=REPLY, prompt_tokens=5, completion_tokens=3)


def order_in(folder: Path) -> Order:
    questions = folder / "questions.jsonl"
    if not questions.exists():
        ids = [one.id for one in LIBRARY.principles]
        rows = [
            {"prompt": f"Question {n}?", "scenario": {}, "principle_ids": ids[n : n + 3]}
            for n in range(ROWS)
        ]
        lines = [json.dumps(row) for row in rows]
        lines[7] = '{"prompt": broken'
        questions.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Order(
        file=str(questions),
        out=folder / "rubrics.jsonl",
        controls=Controls(),
        stage="rubric",
        in_flight=IN_FLIGHT,
    )


def run(folder: Path) -> None:
    """One run, until it is done or killed."""
    stamp = LibraryStamp(version=LIBRARY.version, hash=LIBRARY.hash)
    means = Means(
        tools=Tools(),  # type: ignore[arg-type]
        library=stamp,
        vectors=OnnxEmbedder(),
        writer=Writer(folder / "calls"),
        stage="rubric",
    )
    asyncio.run(work(order_in(folder), Synthesis(means), Tally(rows=ROWS)))


def finished(folder: Path) -> dict[int, Any]:
    """Line -> what came out, of whole rows; a line that came out twice is an error."""
    found: dict[int, Any] = {}
    for name in ("rubrics.jsonl", "rubrics.rejected.jsonl"):
        path = folder / name
        text = path.read_bytes() if path.exists() else b""
        for line in text.split(b"\n")[:-1]:
            row = json.loads(line)
            assert row["line"] not in found, f"line {row['line']} came out twice"
            found[row["line"]] = row.get("rubrics", row.get("rejected"))
    return found


def killed(folder: Path, after: float) -> bool:
    """Start a run and kill it; whether it was still at work."""
    child = os.fork()
    if not child:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until it is killed
        run(folder)
        os._exit(0)
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main(folder: Path, kills: int) -> None:
    rng, done, files, lost, anew = random.Random(7), 0, 0, 0, 0
    whole = folder / "whole"
    whole.mkdir()
    run(whole)
    expected = finished(whole)
    while done < kills:
        files += 1
        here = folder / f"{files}"
        here.mkdir()
        before: dict[int, Any] = {}
        in_this = 0
        while True:
            was_killed = killed(here, rng.uniform(0.05, 0.5))
            now = finished(here)
            lost += sum(line not in now for line in before)
            before = now
            if not was_killed:
                break
            in_this += 1
        calls = (here / "calls").stat().st_size
        anew = max(anew, calls - (ROWS - 1) - IN_FLIGHT * in_this)
        assert finished(here) == expected, "another outcome than of a run that was not killed"
        done += in_this
    found = {"kills": done, "files": files, "lost": lost, "anew": max(0, anew)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
