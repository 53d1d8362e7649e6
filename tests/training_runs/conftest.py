"""What training runs share: real tools, one thread, and a policy that knows five sentences."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inference.embedding import MemoEmbedder
from inference.vectors import VectorCache
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.judge import Judge
from rubrics.reading import ScenarioReader
from tests.reliability.rows import ROWS
from tests.training_runs.kit import judging, speaking, world_in
from training.judges import Judges

Opens = Callable[..., Callable[[], AbstractContextManager[Judges]]]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Two that wait for each other are slower than one."""
    torch = pytest.importorskip("torch", reason="the extra `training` is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def opens(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Opens:
    """Opens real tools with these judges."""
    store = InMemoryPrincipleStore(library, embedder, cached)

    def opening(judge: Judge, examiner: Judge | None = None) -> Any:
        return partial(judging, store, reader, judge, examiner)

    return opening


@pytest.fixture(scope="session")
def speaks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A tiny model by its seed that says any of the five sentences, taught by SFT; made once."""
    made: dict[int, Path] = {}

    def of(seed: int) -> Path:
        if seed not in made:
            made[seed] = speaking(tmp_path_factory.mktemp(f"speaks{seed}"), seed)
        return made[seed]

    return of


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The questions to learn from and those held out, as a run file's `[data]`."""
    return world_in(tmp_path_factory.mktemp("world"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for row in ROWS:
        terminalreporter.write_line(str(row))
