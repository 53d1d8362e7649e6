"""The MCP Inspector's command line against the shipped server, as a script would use it.

Exit codes of Inspector 2.12: 0 fine, 1 anything else (a process that would not start is this),
4 unreachable, 5 the tool refused or is not there, 6 a schema that not every client can read.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.conformance.node import require_node_tools, run_node
from tests.conformance.processes import listening
from tests.conftest import GOLDEN, ROOT

pytestmark = pytest.mark.reliability

FINE, OTHERWISE, UNREACHABLE, REFUSED = 0, 1, 4, 5

Inspect = Callable[..., CompletedProcess[str]]


@pytest.fixture(params=["over stdio", "over HTTP"])
def inspect(request: pytest.FixtureRequest, data_dir: Path, tmp_path: Path) -> Inspect:
    require_node_tools()
    if request.param == "over stdio":
        data = f"CLINALIGN_DATA_DIR={data_dir}"
        server = [sys.executable, "-m", "mcp_server", "--cwd", str(ROOT), "-e", data]
    else:
        server = ["--server-url", request.getfixturevalue("shipped_url"), "--transport", "http"]
    return lambda *asked: run_node("mcp-inspector", "--cli", *server, *asked, folder=tmp_path)


def call(inspect: Inspect, tool: str, **arguments: Any) -> CompletedProcess[str]:
    given = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
    return inspect("--method", "tools/call", *given)


def test_a_good_call_ends_with_0_and_the_principles(inspect: Inspect) -> None:
    done = call(inspect, "get_health_principles", question="chest pain and sweating", k=1)

    assert done.returncode == FINE, done.stderr
    found = json.loads(done.stdout)["structuredContent"]["principles"]
    assert [one["id"] for one in found] == ["heart-attack-call-first"]


def test_bad_arguments_end_with_5_and_what_was_expected(inspect: Inspect) -> None:
    done = call(inspect, "get_health_principles", question="chest pain", k="SECRET")

    assert done.returncode == REFUSED, done.stderr
    assert json.loads(done.stderr)["error"]["code"] == "tool_is_error"
    assert "arguments.k: expected" in done.stdout
    assert "SECRET" not in done.stdout + done.stderr


def test_an_unknown_tool_ends_with_5(inspect: Inspect) -> None:
    done = call(inspect, "get_everything")

    assert done.returncode == REFUSED, done.stderr
    assert json.loads(done.stderr)["error"]["code"] == "tool_not_found"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_tools_are_the_golden_ones_and_every_client_can_read_their_schemas(
    inspect: Inspect, era: str
) -> None:
    done = inspect("--protocol-era", era, "--method", "tools/list", "--strict")

    assert done.returncode == FINE, done.stderr
    golden = json.loads((GOLDEN / "tools.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout)["tools"] == golden


def test_a_dead_server_is_told_apart_from_one_that_refuses(tmp_path: Path) -> None:
    require_node_tools()
    folder = tmp_path / "server"
    folder.mkdir()
    with listening("tests.conformance.fixture_server", folder=folder) as url:
        pass
    asked = ("--method", "tools/list")

    over_http = run_node("mcp-inspector", "--cli", "--server-url", url, *asked, folder=tmp_path)
    at_once = (sys.executable, "-c", "raise SystemExit(1)")
    over_stdio = run_node("mcp-inspector", "--cli", *at_once, *asked, folder=tmp_path)

    assert over_http.returncode == UNREACHABLE, over_http.stderr
    assert json.loads(over_http.stderr)["error"]["code"] == "unreachable"
    assert over_stdio.returncode == OTHERWISE, over_stdio.stderr
    assert json.loads(over_stdio.stderr)["error"]["message"] == "Connection closed"
