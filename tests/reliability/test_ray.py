"""A synthesis on two nodes of Ray, one of whose workers is killed: each row comes out once."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from principle_store.types import Library
from tests.conftest import ROOT
from tests.fake_server import serving
from tests.reliability.killed_synthesis import REPLY
from tests.reliability.rows import settle

ray = pytest.importorskip("ray", reason='needs the extra "scale"')
pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]

ROWS = 48
KILLED_AT = 12  # calls


@pytest.fixture
def two_nodes() -> Iterator[str]:
    """The address of a cluster of two nodes on this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()  # type: ignore[no-untyped-call]


class Killer:
    """A writer (a fake) in whose reply one of Ray's workers is killed, once."""

    def __init__(self) -> None:
        self._lock, self._calls, self.killed = threading.Lock(), 0, 0

    def __call__(self, _: dict[str, Any]) -> str:
        with self._lock:
            self._calls += 1
            if self._calls == KILLED_AT:
                self.killed = _workers()[0]
                os.kill(self.killed, signal.SIGKILL)
        return REPLY


def _workers() -> list[int]:
    """The processes that work on rows."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::MapWorker"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_killed_worker_loses_and_doubles_nothing(
    two_nodes: str, library: Library, tmp_path: Path
) -> None:
    ids = [one.id for one in library.principles]
    rows = [
        {"prompt": f"Question {n}?", "scenario": {}, "principle_ids": ids[n : n + 3]}
        for n in range(ROWS)
    ]
    questions, out = tmp_path / "questions.jsonl", tmp_path / "rubrics.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    killer = Killer()
    with serving(killer) as fake:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "clinalign", "synthesize", str(questions)),
                *("--out", str(out), "--stage", "rubric", "--engine", "ray", "--workers", "2"),
                *("--in-flight", "8", "--base-url", fake.base_url, "--no-find", "--json"),
            ],
            env={**os.environ, "RAY_ADDRESS": two_nodes, "CLINALIGN_DATA_DIR": str(tmp_path)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert ran.returncode == 0, ran.stderr[-3000:]
    lines = [json.loads(line)["line"] for line in out.read_text(encoding="utf-8").splitlines()]
    failures = [f"line {one} is missing" for one in range(1, ROWS + 1) if one not in lines]
    failures += [f"line {one} came out twice" for one in set(lines) if lines.count(one) > 1]
    assert killer.killed
    settle("Ray, a worker killed", ROWS, failures, f"{len(lines)} rows out", "each once")
