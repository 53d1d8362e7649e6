"""`clinalign train`: a run from its file, with the judges of the settings."""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal

from clinalign.commands.files import read_text
from clinalign.parts import connected_chat, open_server
from clinalign.settings import Settings
from clinalign.teaching import refuse_builtin
from inference.endpoint import Endpoint
from inference.errors import BadInput
from mcp_server.client import HealthTools, connected
from training.judges import Judges
from training.run import Result, train
from training.run_file import Algorithm, RunFile, read_run_file
from training.run_folder import RunFolder

SHOWN = ("loss", "reward", "reward/ungraded", "eval_reward", "eval_loss", "completions/mean_length")


def run(
    algorithm: Algorithm,
    file: str,
    changes: Sequence[str],
    out: str,
    settings: Settings,
    as_json: bool,
) -> None:
    """Train by a run file; run again to go on.

    Raises:
        ClinalignError: the run cannot be done.
    """
    wanted = read_for(algorithm, file, changes)
    if algorithm == "grpo":
        refuse_builtin(settings)  # before torch is loaded, which takes seconds
    folder = RunFolder(Path(out) if out else Path("trained") / Path(file).stem)
    opens = partial(open_judges, settings, wanted)
    text = read_text(file, "run file")
    ended = train(wanted, text, folder, opens, _silent if as_json else _tell)
    if as_json:
        print(ended.model_dump_json() if ended else '{"why": "finished before"}')
    else:
        print("\n".join(_told(ended, folder)))


def read_for(algorithm: Algorithm, file: str, changes: Sequence[str]) -> RunFile:
    """The run of a file, if it is of this algorithm.

    Raises:
        BadInput: it cannot be used.
    """
    wanted = read_run_file(file, changes)
    if wanted.algorithm != algorithm:
        way = f"{algorithm}; this file is for `clinalign train {wanted.algorithm}`"
        raise BadInput(f"run file {file}: algorithm", way, wanted.algorithm)
    return wanted


@contextmanager
def open_judges(settings: Settings, wanted: RunFile) -> Iterator[Judges]:
    """Who scores completions, in an event loop of their own.

    Raises:
        ClinalignError: a judge is lacking or cannot be used.
    """
    refuse_builtin(settings)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_judges(settings, wanted, portal)) as judges,
    ):
        yield judges


@asynccontextmanager
async def _judges(
    settings: Settings, wanted: RunFile, portal: BlockingPortal
) -> AsyncIterator[Judges]:
    async with AsyncExitStack() as opened:
        tools = await _tools(settings, settings.judge, opened)
        examiner = None
        if wanted.drift and settings.examiner:
            if settings.examiner == settings.judge:
                told = "the examiner is the judge itself: only criteria held out can tell of drift"
                print(f"clinalign: {told}", file=sys.stderr)
            examiner = await _tools(settings, settings.examiner, opened)
        compares = None
        if wanted.reward.break_ties:
            compares = await connected_chat(settings.judge, opened, bulk=True)
        library = (await tools.library()).hash
        yield Judges(portal, tools, library, examiner, compares)


async def _tools(settings: Settings, judge: Endpoint | None, opened: AsyncExitStack) -> HealthTools:
    chat = await connected_chat(judge, opened, bulk=True)
    server = open_server(settings, chat, remembers=True)
    return await opened.enter_async_context(connected(server))


def _tell(step: int, steps: int, figures: Mapping[str, float]) -> None:
    shown = [f"{name} {figures[name]:.3g}" for name in SHOWN if name in figures]
    if shown:
        print(f"step {step} of {steps}: {', '.join(shown)}", file=sys.stderr)


def _silent(step: int, steps: int, figures: Mapping[str, float]) -> None:
    """With --json nothing else is told."""


def _told(ended: Result | None, folder: RunFolder) -> list[str]:
    if ended is None:
        return [f"finished before: {folder.model}"]
    lines = [f"{ended.why} after {ended.steps} steps, {ended.seconds:.0f} s: {folder.model}"]
    shown = {name: ended.figures[name] for name in SHOWN if name in ended.figures}
    return lines + [f"{name}: {value:.3g}" for name, value in shown.items()]
