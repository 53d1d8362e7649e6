"""`clinalign ask --file`: the answers to many questions, taken up again after a crash.

The rubrics of the rows, if they have any, are never shown to the agent: `--measure` scores its
draft and its answer by them afterwards.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.nodes import PROMPTS
from agent.state import Episode, Limits
from clinalign.commands.ask import as_data, turns_of
from clinalign.commands.batches import Row, done_lines, left_rows, row_key
from clinalign.desk import Desk, open_desk
from clinalign.judging import Bench, Choice, open_bench
from clinalign.render import progress
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.flow import as_done
from inference.journal import Journal
from inference.lines import read_row
from inference.messages import Conversation
from inference.templates import hash_of
from inference.words import read
from mcp_server.client import ToolRefused
from rubrics.scoring import score
from rubrics.types import Rubric
from training.inputs import count_of, rows_of

MOST_FAILURES = 25  # rows without a reply, one after another


@dataclass
class Tally:
    """What became of the rows."""

    done_before: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    why: str = ""


@dataclass(frozen=True)
class Work:
    """What all rows share."""

    desk: Desk
    limits: Limits
    examiner: Bench | None
    by: str


def run(
    file: str,
    out: str,
    settings: Settings,
    limits: Limits,
    in_flight: int,
    measure: bool,
    as_json: bool,
) -> None:
    """Answer every row that is not answered yet.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used, or rows are left over.
    """
    for option, path in {"file": file, "out": out}.items():
        if not path:
            raise BadInput(f"--{option}", "a file")
    total = count_of(file, "--file")
    tally = asyncio.run(_run(file, Path(out), total, settings, limits, in_flight, measure))
    counts = {"rows": total, "done_before": tally.done_before, "answered": tally.answered}
    counts |= {"refused": tally.refused, "failed": tally.failed}
    if as_json:
        print(json.dumps(counts))
    else:
        print(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))
    if tally.failed:
        raise ModelError(f"{tally.failed} rows had no reply ({tally.why}); run again for them")
    if tally.refused:
        raise BadInput(f"--file {file}", f"questions; {tally.refused} rows are none ({tally.why})")


async def _run(
    file: str,
    out: Path,
    total: int,
    settings: Settings,
    limits: Limits,
    in_flight: int,
    measure: bool,
) -> Tally:
    tally = Tally()
    async with AsyncExitStack() as opened:
        desk = await opened.enter_async_context(open_desk(settings, many=True))
        examiner = None
        if measure:
            bench = open_bench(settings.model_copy(update={"judge": settings.examiner}), Choice())
            examiner = await opened.enter_async_context(bench)
        by = _made_by(desk, limits, examiner)
        work = Work(desk, limits, examiner, by)
        journal = opened.enter_context(Journal(out))
        advance = opened.enter_context(progress(total, "answering"))

        def passed() -> None:
            tally.done_before += 1
            advance(1)

        done = done_lines(journal, total, out)
        rows = left_rows(rows_of(file, "--file"), done, by, passed, f"--file {file}")
        async for found in as_done(rows, lambda row: _tried(row, work), in_flight):
            await asyncio.to_thread(journal.append, _counted(found, tally))
            advance(len(found))
            if tally.failed_in_a_row >= MOST_FAILURES:
                raise ModelError(f"stopped after {MOST_FAILURES} rows without a reply: {tally.why}")
    return tally


def _made_by(desk: Desk, limits: Limits, examiner: Bench | None) -> str:
    """All that the answers depend on, besides the rows and the library."""
    writer = desk.writer.name if desk.writer else "none"
    measured = examiner.judge.fingerprint if examiner else "not measured"
    writing = desk.options.model_dump_json()
    models = (desk.policy.name, writer, desk.tools_by)
    parts = (*models, hash_of(PROMPTS), writing, limits.model_dump_json(), measured)
    return " | ".join(parts)


def _counted(found: list[dict[str, Any]], tally: Tally) -> list[dict[str, Any]]:
    """The rows to write down."""
    kept = []
    for row in found:
        if "failed" in row or "refused" in row:
            fate = "failed" if "failed" in row else "refused"
            setattr(tally, fate, getattr(tally, fate) + 1)
            tally.failed_in_a_row = tally.failed_in_a_row + 1 if fate == "failed" else 0
            tally.why = f"line {row['line']}: {row[fate]}"
        else:
            kept.append(row)
            tally.failed_in_a_row = 0
    tally.answered += len(kept)
    return kept


async def _tried(row: Row, work: Work) -> dict[str, Any]:
    """The row with its answer, or with why there is none."""
    try:
        return await _answered(row, work)
    except BadInput as error:
        return {"line": row.line, "refused": str(error)}
    except (ModelError, ToolRefused) as error:
        return {"line": row.line, "failed": str(error)}


async def _answered(row: Row, work: Work) -> dict[str, Any]:
    where = f"line {row.line}"
    given = read_row(row.text, where)
    asked = read(Conversation, {"messages": turns_of(given)}, f"{where}: prompt")
    rubric = (
        Rubric.from_rows(given["rubrics"], f"{where}: rubrics") if given.get("rubrics") else None
    )
    episode = await work.desk.ask(asked, work.limits)
    mark = {"line": row.line, "key": f"{row_key(row.text, work.by):016x}", "made_by": work.by}
    named = {"prompt_id": given["prompt_id"]} if "prompt_id" in given else {}
    data = as_data(episode, work.desk.policy.name)
    if work.examiner and rubric:
        data["measured"] = await _measured(episode, asked, rubric, work.examiner)
    return {**mark, **named, **data}


async def _measured(
    episode: Episode, asked: Conversation, rubric: Rubric, examiner: Bench
) -> dict[str, Any]:
    """Draft and answer by a rubric that the agent never saw."""
    first = episode.attempts[0].answer if episode.attempts else episode.answer
    found: dict[str, Any] = {"examiner": examiner.judge.name}
    for name, answer in {"draft": first, "answer": episode.answer}.items():
        if not answer.strip():
            found[name] = None
            continue
        verdicts = await examiner.judge.verdicts(asked, answer, rubric)
        added = score(rubric, verdicts, partial=True).model_dump(mode="json")
        found[name] = {**added, "characters": len(answer)}
    return found
