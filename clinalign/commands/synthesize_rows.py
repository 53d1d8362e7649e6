"""What a synthesis is to make of which file, its rows as they are read, and what comes of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clinalign.commands.batches import Row, row_key
from clinalign.desk import open_desk
from clinalign.models import open_vectors
from clinalign.settings import Settings
from inference.errors import BadInput, ModelError
from inference.lines import read_row
from mcp_server.client import ToolRefused
from training.controls import Controls
from training.decontamination import Measured
from training.inputs import rows_of
from training.near_duplicates import Questions
from training.synthesis import Means, Synthesis
from training.tasks import Rejected, Stage, asked_in

OURS = ("line", "key", "rejected", "why", "failed")
"""What an earlier run wrote about a row, and not into it."""


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

    @property
    def has_output(self) -> bool:
        return bool(self.out.name) and self.out.exists()

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


async def opened_synthesis(
    order: Order, settings: Settings, opened: AsyncExitStack, asks: bool = True
) -> Synthesis:
    """The parts that this order needs.

    Args:
        order: what is to be made.
        settings: the models.
        opened: closes them.
        asks: whether any model may be asked to read.

    Raises:
        ClinalignError: a model or the data folder cannot be used.
    """
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


def taken(rows: Iterable[Row], measured: Measured, seen: Questions | None) -> Iterator[Taken]:
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
            yield Taken(row, {name: given[name] for name in given if name not in OURS})


async def tried(taken: Taken, synthesis: Synthesis) -> dict[str, Any]:
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
