"""`clinalign judge run --batch`: the verdicts of many answers, in flat memory, taken up again.

A row's place and a hash of it and of the judge say what is done: run again after a crash, finished
rows are passed over, and what was asked within unfinished ones is in the verdict cache.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinalign.commands.batches import Row, done_lines, left_rows, row_key
from clinalign.commands.judge import conversation_from, of_judge, scored
from clinalign.judging import Bench, Choice, open_bench
from clinalign.render import progress
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.flow import as_done
from inference.journal import Journal
from inference.lines import read_row
from inference.words import read
from rubrics.types import Rubric, Text
from training.inputs import count_of, rows_of

MOST_FAILURES = 25  # rows without a reply, one after another
LEFT_OUT = ("prompt", "completion", "line", "key")  # of the row: the input has them, or we do


@dataclass
class Tally:
    """What became of the rows."""

    done_before: int = 0
    judged: int = 0
    ungraded: int = 0
    refused: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    why: str = ""


def run(batch: str, out: str, settings: Settings, choice: Choice, as_json: bool) -> None:
    """Judge every row that is not done yet.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used, or rows are left over.
    """
    for option, path in {"batch": batch, "out": out}.items():
        if not path:
            raise BadInput(f"--{option}", "a file")
    total = count_of(batch, "--batch")
    refusals = Path(f"{out}.refused")
    refusals.unlink(missing_ok=True)
    tally, cost = asyncio.run(_run(batch, Path(out), refusals, total, settings, choice))
    if not tally.refused:
        refusals.unlink(missing_ok=True)
    counts = {"rows": total, "done_before": tally.done_before, "judged": tally.judged}
    counts |= {"ungraded": tally.ungraded, "refused": tally.refused, "failed": tally.failed}
    if as_json:
        print(json.dumps({**counts, **cost}, ensure_ascii=False))
    else:
        listed = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
        print(f"{listed}. Judge: {cost['judge']} ({cost['judge_agreement']}).")
    if tally.failed:
        raise ModelError(f"{tally.failed} rows had no reply ({tally.why}); run again for them")
    if tally.refused:
        expected = f"rows that can be judged; {tally.refused} cannot, see {out}.refused"
        raise BadInput(f"--batch {batch}", expected)


async def _run(
    batch: str, out: Path, refusals: Path, total: int, settings: Settings, choice: Choice
) -> tuple[Tally, dict[str, Any]]:
    tally = Tally()
    async with open_bench(settings, choice) as bench:
        with Journal(out) as journal, Journal(refusals) as refused, progress(total) as advance:

            def passed() -> None:
                tally.done_before += 1
                advance(1)

            done = done_lines(journal, total, out)
            rows = left_rows(
                rows_of(batch, "--batch"), done, bench.judge.fingerprint, passed, f"--batch {batch}"
            )
            async for found in as_done(rows, lambda row: _tried(row, bench), choice.in_flight):
                by_fate = _counted(found, tally)
                await asyncio.to_thread(journal.append, by_fate["judged"])
                await asyncio.to_thread(refused.append, by_fate["refused"])
                advance(len(found))
                if tally.failed_in_a_row >= MOST_FAILURES:
                    why = f"{MOST_FAILURES} rows without a reply: {tally.why}"
                    raise ModelError(f"stopped after {why}")
        cost = of_judge(bench)
    return tally, cost


def _counted(found: list[dict[str, Any]], tally: Tally) -> dict[str, list[dict[str, Any]]]:
    """The rows by what became of them."""
    fates: dict[str, list[dict[str, Any]]] = {"judged": [], "refused": [], "failed": []}
    for row in found:
        fate = next((one for one in ("refused", "failed") if one in row), "judged")
        fates[fate].append(row)
        tally.failed_in_a_row = tally.failed_in_a_row + 1 if fate == "failed" else 0
        tally.why = row.get("failed", tally.why)
    tally.judged += len(fates["judged"])
    tally.refused += len(fates["refused"])
    tally.failed += len(fates["failed"])
    tally.ungraded += sum(row["status"] == "ungraded" for row in fates["judged"])
    return fates


async def _tried(row: Row, bench: Bench) -> dict[str, Any]:
    """The row with its verdicts, or with why there are none."""
    try:
        judged = await _judged(row, bench)
    except BadInput as error:
        return {"line": row.line, "refused": str(error)}
    lost = [one for one in judged["verdicts"] if one["reason"] == "no_reply"]
    # Not written down, so that the next run asks again.
    return {"line": row.line, "failed": lost[0]["explanation"]} if lost else judged


async def _judged(row: Row, bench: Bench) -> dict[str, Any]:
    given = read_row(row.text, f"line {row.line}")
    asked = conversation_from(given, f"line {row.line}: prompt")
    answer = read(Text, given.get("completion"), f"line {row.line}: completion")
    rubric = Rubric.from_rows(given.get("rubrics"), f"line {row.line}: rubrics")
    verdicts = await bench.judge.verdicts(asked, answer, rubric)
    kept = {name: value for name, value in given.items() if name not in LEFT_OUT}
    mark = {"line": row.line, "key": f"{row_key(row.text, bench.judge.fingerprint):016x}"}
    named = {"judge": bench.judge.name, "judge_agreement": bench.judge.agreement}
    return {**mark, **kept, **scored(rubric, verdicts), **named}
