"""A client of a server's pipes, written by hand: many requests in flight, every line accounted for.

It is built on no client library, so that what it sees is what stands on the wire.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.conftest import ROOT

OLD = "2025-11-25"
HELLO = {"protocolVersion": OLD, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
SERVE = (sys.executable, "-m", "clinalign", "serve")
LONGEST_LINE = 64 * 1024 * 1024
START_SECONDS, REPLY_SECONDS, END_SECONDS = 60.0, 20.0, 20.0


@dataclass(frozen=True)
class Heard:
    """One line of the server; `message` is None where it is no JSON object."""

    place: int
    """Among all lines, from 1."""
    at: float
    line: bytes
    message: dict[str, Any] | None

    @classmethod
    def of(cls, place: int, line: bytes) -> Self:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        found = message if isinstance(message, dict) else None
        return cls(place, time.monotonic(), line, found)


class RawStdio:
    """One server process; use `started`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines = 0
        self.largest = 0
        """Bytes of the longest line."""
        self.unasked: list[Heard] = []
        """What answers no request of ours: notifications, errors without an id, junk."""
        self.ended = asyncio.Event()
        self._waiting: dict[str | int, asyncio.Future[Heard]] = {}
        self._news = asyncio.Event()
        self._last_id = 0
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines += 1
            self.largest = max(self.largest, len(line))
            self._take(Heard.of(self.lines, line))
        self.ended.set()
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(ConnectionError("the server closed its output"))
                waiter.exception()  # it may be that nobody asks

    def _take(self, heard: Heard) -> None:
        message = heard.message or {}
        id = message.get("id")
        waiter = None
        if "method" not in message and isinstance(id, str | int):
            waiter = self._waiting.pop(id, None)
        if waiter is None or waiter.done():
            self.unasked.append(heard)
        else:
            waiter.set_result(heard)
        self._news.set()

    async def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.write(json.dumps(message).encode() + b"\n")

    async def tell(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification."""
        await self.send({"jsonrpc": "2.0", "method": method, "params": dict(params or {})})

    def expect(self, id: str | int) -> asyncio.Future[Heard]:
        """The reply to come for a request that is sent by hand."""
        assert id not in self._waiting
        self._waiting[id] = asyncio.get_running_loop().create_future()
        return self._waiting[id]

    def forget(self, id: str | int) -> None:
        """From now on a reply to this request is one nobody asked for."""
        self._waiting.pop(id).cancel()

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def begin(
        self, method: str, params: Mapping[str, Any], id: str | int | None = None
    ) -> asyncio.Future[Heard]:
        """Send a request; its reply comes when it comes."""
        id = self.next_id() if id is None else id
        reply = self.expect(id)
        await self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": dict(params)})
        return reply

    async def ask(
        self, method: str, params: Mapping[str, Any], seconds: float = REPLY_SECONDS
    ) -> dict[str, Any]:
        """The reply to a request, as it stands on the wire."""
        heard = await asyncio.wait_for(await self.begin(method, params), seconds)
        assert heard.message is not None
        return heard.message

    async def call(
        self, tool: str, arguments: Mapping[str, Any], seconds: float = REPLY_SECONDS
    ) -> dict[str, Any]:
        """A tool's result."""
        said = await self.ask("tools/call", {"name": tool, "arguments": arguments}, seconds)
        assert "result" in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def until_unasked(self, count: int, seconds: float = REPLY_SECONDS) -> None:
        """Until so many lines came that answer no request."""
        async with asyncio.timeout(seconds):
            while len(self.unasked) < count:
                self._news.clear()
                await self._news.wait()

    async def hello(self) -> None:
        await self.ask("initialize", HELLO, START_SECONDS)
        await self.tell("notifications/initialized")

    async def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        with suppress(ConnectionError):
            await self.process.stdin.wait_closed()

    async def end(self) -> int:
        """Close the pipe as a client does that is finished; the exit code."""
        await self.close_input()
        code = await asyncio.wait_for(self.process.wait(), END_SECONDS)
        await self._listening
        return code

    async def destroy(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self.close_input()
        await self._listening


def environment(folder: Path, **also: str) -> dict[str, str]:
    """A server's, with its data in this folder."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "CLINALIGN_DATA_DIR": str(folder),
        **also,
    }


@asynccontextmanager
async def started(
    folder: Path, *, command: Sequence[str] = SERVE, **variables: str
) -> AsyncIterator[RawStdio]:
    """A server over its pipes; what it writes to standard error is in `folder/served.log`."""
    with (folder / "served.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=environment(folder, **variables),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=LONGEST_LINE,
        )
    client = RawStdio(process)
    try:
        await client.hello()
        yield client
    finally:
        await client.destroy()


def resident_bytes(pid: int) -> int:
    """A process's memory as the kernel counts it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
