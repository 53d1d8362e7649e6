"""The shipped server over HTTP as a process of its own, and calls to it written by hand."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.door import Door
from tests.conftest import ROOT
from tests.mcp_server.http_kit import HELLO, OLD, Reply, posted, read_reply
from tests.reliability.raw_stdio import END_SECONDS, SERVE, START_SECONDS, environment

KEPT = {"Connection": "keep-alive"}


@dataclass
class ServedHttp:
    process: asyncio.subprocess.Process
    door: Door
    session: dict[str, str] = field(default_factory=dict)
    """The headers of a session of the revision of 2025-11-25."""

    async def greet(self) -> None:
        """Begin the session."""
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
        async with self.line() as line:
            said = await line.post(json.dumps(hello).encode(), {})
        self.session = {
            "Mcp-Session-Id": said.headers["mcp-session-id"],
            "MCP-Protocol-Version": OLD,
        }
        async with self.line() as line:
            notice = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            assert (await line.post(json.dumps(notice).encode(), self.session)).status == 202

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Line"]:
        """A connection of its own."""
        line = Line(self.door)
        try:
            yield line
        finally:
            line.hang_up()


class Line:
    """One connection, opened when it is needed and again when the server has closed it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, body: bytes, headers: dict[str, str]) -> asyncio.StreamReader:
        if self._ends is None:
            self._ends = await asyncio.open_connection(self._door.host, self._door.port)
        reader, writer = self._ends
        writer.write(posted(self._door, body, KEPT | headers))
        await writer.drain()
        return reader

    async def post(self, body: bytes, headers: dict[str, str]) -> Reply:
        said = await read_reply(await self.send(body, headers))
        if said.headers.get("connection") == "close":
            self.hang_up()
        return said

    def hang_up(self) -> None:
        if self._ends:
            self._ends[1].close()
        self._ends = None


@asynccontextmanager
async def serving_http(folder: Path, **variables: str) -> AsyncIterator[ServedHttp]:
    """The server at a free port of this machine, ended as an operating system does it."""
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        "--http",
        "127.0.0.1:0",
        cwd=ROOT,
        env=environment(folder, **variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    reading: asyncio.Task[None] | None = None
    try:
        door = Door(port=await asyncio.wait_for(_port(process), START_SECONDS))
        reading = asyncio.create_task(_kept(process, folder / "served-http.log"))
        served = ServedHttp(process, door)
        await served.greet()
        yield served
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if reading:
                await reading


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    said = b""
    while line := await process.stderr.readline():
        said += line
        if found := re.search(rb"answers at http://[\d.]+:(\d+)/mcp", line):
            return int(found[1])
    raise AssertionError(said.decode())


async def _kept(process: asyncio.subprocess.Process, path: Path) -> None:
    """Write down what the server says to standard error, so that it is never held up."""
    assert process.stderr is not None
    with path.open("wb") as log:
        while data := await process.stderr.read(1 << 16):
            log.write(data)


def in_words(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = reply.json()
    return found
