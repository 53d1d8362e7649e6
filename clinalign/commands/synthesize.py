"""`clinalign synthesize`: a rubric for every question of a file, taken up again after a crash.

Every row comes out once: with its rubric, or in the file beside it with the reason why not. A row
that a model left without a reply is in neither, and the next run asks again.
"""

import asyncio
import json
from array import array
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinalign.commands.batches import Row, done_lines, left_rows, row_key
from clinalign.commands.files import read_row, text_lines
from clinalign.desk import open_desk
from clinalign.render import progress
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.flow import as_done
from inference.journal import Journal
from mcp_server.client import ToolRefused
from training.synthesis import Rejected, RubricTask, Synthesis

MOST_FAILURES = 25  # rows without a reply, one after another


@dataclass
class Tally:
    """What became of the rows."""

    done_before: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    failed_in_a_row: int = 0
    why: str = ""
    tokens: int = 0
    """Written by the model, in this run."""


def run(file: str, out: str, settings: Settings, in_flight: int, as_json: bool) -> None:
    """Write a rubric for every row that has none yet.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used, or rows are left over.
    """
    if not out:
        raise BadInput("--out", "a file for the rubrics")
    total = sum(1 for _ in text_lines(file, "questions"))
    tally = asyncio.run(_run(file, Path(out), total, settings, in_flight))
    counts = {"rows": total, "done_before": tally.done_before, "accepted": tally.accepted}
    counts |= {"rejected": tally.rejected.total(), "failed": tally.failed, "tokens": tally.tokens}
    if as_json:
        print(json.dumps({**counts, "reasons": dict(tally.rejected)}))
    else:
        print(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))
        for reason, number in tally.rejected.most_common():
            print(f"  rejected, {reason.replace('_', ' ')}: {number}")
    if tally.failed:
        raise ModelError(f"{tally.failed} rows had no reply ({tally.why}); run again for them")


def rejected_file(out: Path) -> Path:
    return out.with_name(f"{out.stem}.rejected.jsonl")


async def _run(file: str, out: Path, total: int, settings: Settings, in_flight: int) -> Tally:
    tally = Tally()
    async with AsyncExitStack() as opened:
        desk = await opened.enter_async_context(open_desk(_without_answers(settings), many=True))
        synthesis = Synthesis(desk.tools, desk.writer, desk.options)
        accepted = opened.enter_context(Journal(out))
        rejected = opened.enter_context(Journal(rejected_file(out)))
        advance = opened.enter_context(progress(total, "writing rubrics"))

        def passed() -> None:
            tally.done_before += 1
            advance(1)

        done = _either(
            done_lines(accepted, total, out), done_lines(rejected, total, rejected_file(out))
        )
        rows = left_rows(file, done, synthesis.by, passed, "questions")
        async for found in as_done(rows, lambda row: _tried(row, synthesis), in_flight):
            await asyncio.to_thread(accepted.append, [one for one in found if "rubrics" in one])
            await asyncio.to_thread(rejected.append, [one for one in found if "rejected" in one])
            _count(found, tally)
            advance(len(found))
            if tally.failed_in_a_row >= MOST_FAILURES:
                raise ModelError(f"stopped after {MOST_FAILURES} rows without a reply: {tally.why}")
    return tally


def _without_answers(settings: Settings) -> Settings:
    """Nobody answers or judges here: such models need not be there."""
    unused = {"policy": None, "judge": None, "judge_choice": "builtin", "tools_by": "graph"}
    return settings.model_copy(update=unused)


def _either(first: "array[int]", second: "array[int]") -> "array[int]":
    """Of two lists of keys by line, the one key that is there."""
    longer, shorter = sorted((first, second), key=len, reverse=True)
    for line, key in enumerate(shorter):
        longer[line] = longer[line] or key
    return longer


def _count(found: list[dict[str, Any]], tally: Tally) -> None:
    for row in found:
        if "failed" in row:
            tally.failed, tally.why = tally.failed + 1, row["failed"]
            tally.failed_in_a_row += 1
            continue
        tally.failed_in_a_row = 0
        if "rejected" in row:
            tally.rejected[row["rejected"]] += 1
        else:
            tally.accepted += 1
            tally.tokens += row["provenance"]["completion_tokens"]


async def _tried(row: Row, synthesis: Synthesis) -> dict[str, Any]:
    """The row with its rubric, with why it has none, or with why nobody knows yet."""
    mark = {"line": row.line, "key": f"{row_key(row.text, synthesis.by):016x}"}
    given: dict[str, Any] = {}
    try:
        given = read_row(row.text, f"line {row.line}")
        task: RubricTask = await synthesis.task(given)
    except Rejected as no:
        named = {"prompt_id": given["prompt_id"]} if "prompt_id" in given else {}
        return {**mark, **named, "rejected": no.kind, "why": no.why}
    except BadInput as error:
        return {**mark, "rejected": "unreadable", "why": str(error)}
    except (ModelError, ToolRefused) as error:
        return {"line": row.line, "failed": str(error)}
    return {**mark, **task.model_dump(mode="json", by_alias=True)}
