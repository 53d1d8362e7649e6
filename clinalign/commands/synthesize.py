"""`clinalign synthesize`: a rubric for every question of a file, taken up again after a crash.

Every row comes out once: with its rubric, or in the file beside it with the reason why not. A row
that a model left without a reply is in neither, and the next run asks again.
"""

import asyncio
import sys
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from typing import Any

from clinalign.commands.batches import Row, done_lines, left_rows
from clinalign.commands.synthesize_rows import Order, Taken, opened_synthesis, taken, tried
from clinalign.commands.synthesize_tally import Tally, show
from clinalign.render import Advance, progress, show_estimate
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.flow import as_done
from inference.garbage import seldom_looking_for_garbage
from inference.journal import Journal
from training.decontamination import Measured
from training.estimate import Estimate, Price, estimated, of_done, of_first
from training.inputs import count_of
from training.near_duplicates import Questions
from training.synthesis import Synthesis

MOST_FAILURES = 25  # rows without a reply, one after another


def run(order: Order, settings: Settings, as_json: bool) -> None:
    """Write a rubric for every row that has none yet.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used, or rows are left over.
    """
    if not order.out.name:
        raise BadInput("--out", "a file for the rubrics")
    total = count_of(order.file, "questions")
    tally = Tally(rows=total)
    try:
        asyncio.run(_run(order, settings, tally))
    except KeyboardInterrupt:
        told = f"stopped; {tally.written} rows were written, run again to go on"
        print(f"clinalign: {told}", file=sys.stderr)
        raise
    show(tally, as_json)
    if tally.failed:
        raise ModelError(f"{tally.failed} rows had no reply ({tally.why}); run again for them")


def estimate(
    order: Order, settings: Settings, price: Price, seconds_a_call: float, as_json: bool
) -> None:
    """Print what the rows that are left will cost; no model is asked to write anything.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used.
    """
    total = count_of(order.file, "questions")
    found = asyncio.run(_estimate(order, settings, total, price, seconds_a_call))
    if as_json:
        print(found.model_dump_json())
    else:
        show_estimate(found, order.in_flight)


async def _run(order: Order, settings: Settings, tally: Tally) -> None:
    async with AsyncExitStack() as opened:
        synthesis = await opened_synthesis(order, settings, opened)
        opened.enter_context(seldom_looking_for_garbage())
        await work(order, synthesis, tally, settings)


async def work(
    order: Order, synthesis: Synthesis, tally: Tally, settings: Settings | None = None
) -> None:
    """Work on every row that is in neither file yet.

    Args:
        order: what is to be made.
        synthesis: makes it, in this process.
        tally: is told of each row.
        settings: by which other processes open a synthesis of their own, if any shall.

    Raises:
        ClinalignError: a file cannot be used, or no model replies any more.
    """
    with ExitStack() as opened:
        accepted = opened.enter_context(Journal(order.out))
        rejected = opened.enter_context(Journal(order.rejected))
        advance = opened.enter_context(progress(tally.rows, "writing rubrics"))
        done = _done(accepted, rejected, order, tally.rows)
        measured = Measured.of(order.decontaminate)
        seen = opened.enter_context(_seen(order, done)) if order.controls.near else None
        left = _left(order, done, synthesis, tally, advance)
        rows = taken(left, measured, seen)
        async for found in _made(rows, order, synthesis, settings):
            await asyncio.to_thread(_write, found, accepted, rejected)
            tally.take(found)
            advance(len(found), tally.in_words())
            if tally.failed_in_a_row >= MOST_FAILURES:
                raise ModelError(f"stopped after {MOST_FAILURES} rows without a reply: {tally.why}")


async def _made(
    rows: Iterator[Taken], order: Order, synthesis: Synthesis, settings: Settings | None
) -> AsyncIterator[list[dict[str, Any]]]:
    if not order.workers or settings is None:
        async for found in as_done(rows, lambda one: tried(one, synthesis), order.in_flight):
            yield found
        return
    from training.ray_engine import worked

    data, opened = (one.as_data() for one in rows), partial(_elsewhere, order, settings)
    made = worked(data, opened, order.in_flight, order.workers)
    while (batch := await asyncio.to_thread(next, made, None)) is not None:
        yield batch


@asynccontextmanager
async def _elsewhere(
    order: Order, settings: Settings
) -> AsyncIterator[Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
    """The same work in another process."""
    async with AsyncExitStack() as opened:
        synthesis = await opened_synthesis(order, settings, opened)
        yield lambda data: tried(Taken.of(data), synthesis)


async def _estimate(
    order: Order, settings: Settings, total: int, price: Price, seconds_a_call: float
) -> Estimate:
    async with AsyncExitStack() as opened:
        synthesis = await opened_synthesis(order, settings, opened, asks=False)
        done, of_row = array("Q", [0]), None
        if order.has_output:
            accepted = opened.enter_context(Journal(order.out))
            done = _done(accepted, opened.enter_context(Journal(order.rejected)), order, total)
            of_row = of_done(row["provenance"] for row in accepted.rows() if "provenance" in row)
        by = "rows that are done"
        if of_row is None:
            by = f"prompts of the first rows, and {seconds_a_call:g} s a call"
            rows = left_rows(order.rows(), done, synthesis.means.by, lambda: None, "questions")
            given = (one.given for one in taken(rows, Measured(), None) if not one.refused)
            of_row = await of_first(synthesis, given, seconds_a_call)
        left = total - sum(1 for key in done if key)
        return estimated(of_row, left, order.in_flight, price, synthesis.means, by)


def _done(accepted: Journal, rejected: Journal, order: Order, total: int) -> "array[int]":
    """The key of each line that is in one of the two files."""
    found = [
        done_lines(accepted, total, order.out),
        done_lines(rejected, total, order.rejected),
    ]
    shorter, longer = sorted(found, key=len)
    for line, key in enumerate(shorter):
        longer[line] = longer[line] or key
    return longer


def _seen(order: Order, done: "array[int]") -> Questions:
    if not any(done):
        order.seen.unlink(missing_ok=True)  # of another file of questions, perhaps
    return Questions(order.seen)


def _left(
    order: Order, done: "array[int]", synthesis: Synthesis, tally: Tally, advance: Advance
) -> Iterator[Row]:
    def passed() -> None:
        tally.done_before += 1
        advance(1)

    where = f"questions {order.file}"
    return left_rows(order.rows(), done, synthesis.means.by, passed, where)


def _write(found: Sequence[dict[str, Any]], accepted: Journal, rejected: Journal) -> None:
    accepted.append([one for one in found if "rejected" not in one and "failed" not in one])
    rejected.append([one for one in found if "rejected" in one])
