"""Row C1: a batch that is killed loses nothing that was written, and writes nothing twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.reliability.rows import settle

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform == "win32", reason="runs are forked"),
]

KILLS = 200


def test_a_batch_killed_200_times_comes_out_as_if_it_had_not_been(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.reliability.killed_synthesis", str(tmp_path)]
    ran = subprocess.run(
        [*command, str(KILLS)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    failures = [f"{found[what]} {what}" for what in ("lost", "anew") if found[what]]
    figure = f"{found['files']} batches, {found['lost']} rows lost, {found['anew']} calls too many"
    settle("C1 kills of a synthesis", found["kills"], failures, figure, "0 and 0")
    assert found["kills"] >= KILLS
