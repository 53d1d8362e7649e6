"""`clinalign synthesize`: a rubric for every question of a file, taken up again after a crash.

Every row comes out once: with its rubric, or in the file beside it with the reason why not. A row
that a model left without a reply is in neither, and the next run asks again.
"""

import asyncio
import gc
import sys
from array import array
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clinalign.commands.batches import Row, done_lines, left_rows, row_key
from clinalign.commands.files import read_row
from clinalign.commands.synthesize_tally import Tally, show
from clinalign.desk import open_desk
from clinalign.models import open_vectors
from clinalign.render import Advance, progress, show_estimate
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.flow import as_done
from inference.journal import Journal
from mcp_server.client import ToolRefused
from training.controls import Controls
from training.decontamination import Measured
from training.estimate import Estimate, Price, estimated, of_done, of_first
from training.inputs import count_of, rows_of
from training.near_duplicates import Questions
from training.synthesis import Means, Synthesis
from training.tasks import Rejected, Stage, asked_in

MOST_FAILURES = 25  # rows without a reply, one after another
MARKS = ("line", "key")  # of a row that an earlier stage wrote


@dataclass(frozen=True)
class Order:
    """What is to be made of which file."""

    file: str
    out: Path
    controls: Controls
    stage: Stage = "all"
    decontaminate: Sequence[str] = ()
    in_flight: int = 16
    seed: int = 0
    workers: int = 0
    """Processes of Ray's; 0 to work in this one."""

    @property
    def rejected(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.rejected.jsonl")

    @property
    def seen(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.near.sqlite")

    def rows(self) -> Iterator[tuple[int, str]]:
        return rows_of(self.file, "questions")


@dataclass(frozen=True)
class Taken:
    """A row as it was read; `refused` if nobody needs to work on it."""

    row: Row
    given: dict[str, Any]
    refused: Rejected | None = None

    def as_data(self) -> dict[str, Any]:
        """As it travels to another process."""
        refused = [self.refused.kind, self.refused.why] if self.refused else None
        return {"row": asdict(self.row), "given": self.given, "refused": refused}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Taken":
        refused = Rejected(*data["refused"]) if data["refused"] else None
        return cls(Row(**data["row"]), data["given"], refused)


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
        synthesis = await _opened(order, settings, opened)
        # What is there now stays to the end; looking through it for garbage takes a tenth of all.
        gc.freeze()
        gc.set_threshold(20_000)
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
        rows = _taken(left, measured, seen)
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
        async for found in as_done(rows, lambda one: _tried(one, synthesis), order.in_flight):
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
        synthesis = await _opened(order, settings, opened)
        yield lambda data: _tried(Taken.of(data), synthesis)


async def _estimate(
    order: Order, settings: Settings, total: int, price: Price, seconds_a_call: float
) -> Estimate:
    async with AsyncExitStack() as opened:
        synthesis = await _opened(order, settings, opened, asks=False)
        accepted = opened.enter_context(Journal(order.out))
        rejected = opened.enter_context(Journal(order.rejected))
        done = _done(accepted, rejected, order, total)
        left = total - sum(1 for key in done if key)
        by, of_row = (
            "rows that are done",
            of_done(row["provenance"] for row in accepted.rows() if "provenance" in row),
        )
        if of_row is None:
            by = f"prompts of the first rows, and {seconds_a_call:g} s a call"
            rows = left_rows(order.rows(), done, synthesis.means.by, lambda: None, "questions")
            given = (one.given for one in _taken(rows, Measured(), None) if not one.refused)
            of_row = await of_first(synthesis, given, seconds_a_call)
        return estimated(of_row, left, order.in_flight, price, synthesis.means, by)


async def _opened(
    order: Order, settings: Settings, opened: AsyncExitStack, asks: bool = True
) -> Synthesis:
    needed = _needed(settings, order)
    reads = needed.reader is not None
    if not asks:
        needed = needed.model_copy(update={"reader": None})
    desk = await opened.enter_async_context(open_desk(needed, many=True))
    means = Means(
        tools=desk.tools,
        library=await desk.tools.library(),
        vectors=open_vectors(settings).texts,
        writer=desk.writer,
        policy=desk.policy if needed.policy else None,
        options=desk.options,
        controls=order.controls,
        stage=order.stage,
        reads=reads,
        seed=order.seed,
    )
    return Synthesis(means)


def _needed(settings: Settings, order: Order) -> Settings:
    """Without the models that are not asked here: they need not be there."""
    unused: dict[str, Any] = {"tools_by": "graph"}
    if not order.controls.samples_answers:
        unused["policy"] = None
    if not order.controls.judges:
        unused |= {"judge": None, "judge_choice": "builtin"}
    if order.stage in ("scenario", "pool"):
        unused["writer"] = None
    if order.stage in ("pool", "rubric"):
        unused["reader"] = None
    return settings.model_copy(update=unused)


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


def _taken(rows: Iterable[Row], measured: Measured, seen: Questions | None) -> Iterator[Taken]:
    """The rows as they are read, in their order: what comes first is no duplicate."""
    for row in rows:
        given: dict[str, Any] = {}
        try:
            given = read_row(row.text, f"line {row.line}")
            asked = asked_in(given)
            measured.refuse(asked)
            if seen:
                seen.refuse(row.line, asked)
        except Rejected as no:
            yield Taken(row, given, no)
        except BadInput as error:
            yield Taken(row, given, Rejected("unreadable", str(error)))
        else:
            yield Taken(row, {name: given[name] for name in given if name not in MARKS})


def _write(found: Sequence[dict[str, Any]], accepted: Journal, rejected: Journal) -> None:
    accepted.append([one for one in found if "rejected" not in one and "failed" not in one])
    rejected.append([one for one in found if "rejected" in one])


async def _tried(taken: Taken, synthesis: Synthesis) -> dict[str, Any]:
    """The row with its rubric, with why it has none, or with why nobody knows yet."""
    row = taken.row
    mark = {"line": row.line, "key": f"{row_key(row.text, synthesis.means.by):016x}"}
    try:
        if taken.refused:
            raise taken.refused
        return {**mark, **taken.given, **await synthesis.fields(taken.given)}
    except Rejected as no:
        named = {"prompt_id": taken.given["prompt_id"]} if "prompt_id" in taken.given else {}
        return {**mark, **named, "rejected": no.kind, "why": no.why}
    except (ModelError, ToolRefused) as error:
        return {"line": row.line, "failed": str(error)}
