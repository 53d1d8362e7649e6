"""An agent that is killed goes on where it was: the same answer, hardly a call twice. Row C6."""

import multiprocessing
import random
import signal
from pathlib import Path

import pytest

from tests.agent.killed_worker import main
from tests.reliability.rows import settle

pytestmark = pytest.mark.reliability

KILLS = 100
POINTS = 24  # at which the unkilled work could die, at least


def test_100_kills_change_no_answer_and_repeat_one_step_each_at_most(tmp_path: Path) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.agent.killed_worker"])
    chance = random.Random(1)

    def run(folder: Path, dies_at: int) -> int:
        folder.mkdir(exist_ok=True)
        worker = processes.Process(target=main, args=(folder, dies_at))
        worker.start()
        worker.join()
        return worker.exitcode or 0

    whole = tmp_path / "whole"
    run(whole, 0)
    wanted = (whole / "calls").read_text().split()
    failures: list[str] = []
    kills = threads = repeated = 0
    while kills < KILLS:
        threads += 1
        folder = tmp_path / str(threads)
        deaths = 0
        while not (folder / "answer").exists():
            # The third time it may live, or a thread of bad luck would never end.
            dies_at = chance.randint(1, POINTS) if deaths < 3 else 0
            deaths += run(folder, dies_at) == -signal.SIGKILL
        kills += deaths
        calls = (folder / "calls").read_text().split()
        repeated += len(calls) - len(set(calls))
        same = (folder / "answer").read_text() == (whole / "answer").read_text()
        if not same or set(calls) != set(wanted) or len(calls) > len(wanted) + deaths:
            failures.append(f"thread {threads}, {deaths} deaths: {calls}")

    figure = f"{threads} threads, {repeated} calls made twice in {kills} kills"
    settle("C6 agent killed", kills, failures, figure, "same answer, at most one step twice a kill")
