"""The list of tools never changes by itself: clients pin it, and models are prompted with it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from mcp_server.house import Entrance, House
from mcp_server.server import HealthServer
from principle_store.loading import VERSION
from rubrics.taxonomy import Taxonomy
from tests.conftest import GOLDEN, ROOT

pytestmark = pytest.mark.reliability

IN_PROCESS = 95
LONGEST_SECONDS = 60.0
HASH_SEEDS = ("0", "1", "2", "3", "4294967295")  # one process each
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "pins", "version": "1"},
}
LIST_ID = 2
FRAMES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": LIST_ID, "method": "tools/list"},
)


def digest(tools: list[dict[str, Any]]) -> str:
    """Of all that is said of the tools, in their order."""
    return sha256(json.dumps(tools, sort_keys=True).encode()).hexdigest()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    servers = [start(seed, tmp_path) for seed in HASH_SEEDS]
    yield servers
    for server in servers:
        server.kill()
        server.communicate()


async def test_the_list_of_tools_is_the_golden_one_after_a_hundred_starts(
    started: list[subprocess.Popen[str]], taxonomy: Taxonomy, tmp_path: Path
) -> None:
    lines = [line_with_tools(server) for server in started]
    built = [await listed_in_process(taxonomy, tmp_path) for _ in range(IN_PROCESS)]

    golden = digest(json.loads((GOLDEN / "tools.json").read_text(encoding="utf-8")))
    found = [digest(tools) for tools in [*built, *(tools_in(line) for line in lines)]]
    other = [one for one in found if one != golden]
    assert len(found) == 100
    assert not other, f"{len(other)} of 100 starts list other tools than tests/golden/tools.json"
    assert len(set(lines)) == 1, "on the wire the order changes with the hash seed"


async def listed_in_process(taxonomy: Taxonomy, data_dir: Path) -> list[dict[str, Any]]:
    server = HealthServer(Entrance(never_opened), taxonomy, data_dir, VERSION)
    tools = await server.list_tools()
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


def never_opened() -> House:
    raise RuntimeError("no tool is called here")


def start(hash_seed: str, data_dir: Path) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "mcp_server"],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(data_dir),
            "PYTHONHASHSEED": hash_seed,
            "CLINALIGN_DATA_DIR": str(data_dir),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    assert server.stdin is not None
    server.stdin.write("".join(json.dumps(frame) + "\n" for frame in FRAMES))
    server.stdin.flush()
    return server


def line_with_tools(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    giving_up = Timer(LONGEST_SECONDS, server.kill)
    giving_up.start()
    replies = [server.stdout.readline() for _ in range(2)]
    giving_up.cancel()
    server.kill()
    (line,) = [one for one in replies if json.loads(one)["id"] == LIST_ID]
    return line


def tools_in(line: str) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = json.loads(line)["result"]["tools"]
    return tools
