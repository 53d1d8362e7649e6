"""The server as a stranger's client starts it: `mcp.json` as written, raw lines over real pipes."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "stranger", "version": "1"},
}


class RawClient:
    """Speaks JSON-RPC by hand; built on no client library."""

    def __init__(self, data_dir: Path) -> None:
        entry = json.loads((ROOT / "mcp.json").read_text(encoding="utf-8"))["mcpServers"][
            "clinalign"
        ]
        if not (ROOT / entry["command"]).exists():
            pytest.skip(f"{entry['command']} is absent; `make test` makes it")
        self.process = subprocess.Popen(
            [entry["command"], *entry["args"]],
            cwd=ROOT,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(data_dir),
                "CLINALIGN_DATA_DIR": str(data_dir),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.said: list[str] = []

    def ask(self, method: str, params: dict[str, Any], id: int) -> Any:
        self.tell(method, params, id=id)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.said.append(line)
        reply = json.loads(line)
        assert reply["id"] == id
        return reply["result"]

    def tell(self, method: str, params: dict[str, Any], **also: int) -> None:
        assert self.process.stdin is not None
        frame = {"jsonrpc": "2.0", "method": method, "params": params, **also}
        self.process.stdin.write(json.dumps(frame) + "\n")
        self.process.stdin.flush()


@pytest.fixture
def client(data_dir: Path) -> Iterator[RawClient]:
    client = RawClient(data_dir)
    yield client
    client.process.kill()
    client.process.communicate()


def test_a_stranger_starts_it_lists_the_tools_and_calls_them(client: RawClient) -> None:
    welcome = client.ask("initialize", HELLO, 1)
    client.tell("notifications/initialized", {})
    tools = client.ask("tools/list", {}, 2)["tools"]
    call = {"name": "get_health_principles", "arguments": {"question": "chest pain and sweating"}}
    found = client.ask("tools/call", call, 3)
    asked = {"question": "chest pain", "answer": "Call the emergency number now."}
    scored = client.ask("tools/call", {"name": "score_against_rubric", "arguments": asked}, 4)

    assert welcome["serverInfo"]["name"] == "clinalign"
    assert "does not diagnose" in welcome["instructions"]
    assert [tool["name"] for tool in tools] == [
        "get_health_principles",
        "score_against_rubric",
        "get_score",
    ]
    assert found["structuredContent"]["principles"][0]["id"] == "heart-attack-call-first"
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    assert scored["structuredContent"]["status"] == "needs_verdicts"


def test_it_ends_when_its_client_closes_the_pipe_and_logs_no_question(client: RawClient) -> None:
    call = {"name": "get_health_principles", "arguments": {"question": "SECRET", "k": "no"}}
    client.ask("initialize", HELLO, 1)
    client.tell("notifications/initialized", {})
    refused = client.ask("tools/call", call, 2)

    out, err = client.process.communicate(timeout=30)

    assert refused["isError"]
    assert out == ""
    assert client.process.returncode == 0
    assert "SECRET" not in err
