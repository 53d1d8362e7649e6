"""Very many calls of the tools at once, over raw sockets and pipes.

It shares two cores with the server under test, so it does no more than it must: no client library,
and an answer is looked into only where a test wants to know what is in it. Every connection counts
its ids from 1, so that all of them use the same ones at the same time.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import pytest

from tests.conformance.processes import served

CLINALIGN = str(Path(sys.executable).parent / "clinalign")
MODERN, OLD = "2026-07-28", "2025-11-25"
START_SECONDS, STOP_SECONDS = 60.0, 15.0
ANSWER_SECONDS = 60.0  # only what hangs takes longer
WIDEST = 8 * 1024 * 1024  # bytes of one answer

_ADDRESS = re.compile(r"answers at (http://\S+/mcp);")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SESSION = re.compile(rb"\r\nmcp-session-id: *(\S+)", re.IGNORECASE)
_REPLY_ID = re.compile(rb'"jsonrpc":"2\.0","id":(\d+)[,}]')
_WHO = {"name": "crowd", "version": "1"}
_HELLO = {"protocolVersion": OLD, "capabilities": {}, "clientInfo": _WHO}
_ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": _WHO,
}


@dataclass(frozen=True)
class Asked:
    """One request and what its answer has to be."""

    method: str
    params: dict[str, Any]
    wrong: Callable[[bytes], str] = lambda answer: ""
    """Names what is wrong with an answer; empty if nothing is."""

    def frame(self, id: int, revision: str) -> bytes:
        params = self.params
        if revision == MODERN:
            params = params | {"_meta": _ENVELOPE | params.get("_meta", {})}
        return _frame(self.method, params, id=id)


def tool_call(name: str, **arguments: Any) -> Asked:
    return Asked("tools/call", {"name": name, "arguments": arguments})


QUESTIONS = (
    "My father is 68 and has had chest pain for an hour. What should we do?",
    "Can I take ibuprofen while I am breastfeeding?",
    "My baby is five weeks old and has 38.6. Can it wait?",
    "How much paracetamol may an adult take in a day?",
    "Which vaccines do I need before a trip to Kenya?",
    "I have felt empty and tired for months. Is that depression?",
    "Write a discharge letter for a patient with pneumonia.",
    "What does a TSH of 8.2 mean when T4 is normal?",
)


def principles_for(question: str) -> Asked:
    return tool_call("get_health_principles", question=question)


class Line(Protocol):
    async def ask(self, asked: Asked) -> bytes:
        """The frame, or frames, that the server says to this."""


@dataclass
class Heard:
    """What came of a crowd's calls."""

    seconds: list[float] = field(default_factory=list)
    """Of each call, from its sending to its whole answer."""
    failed: list[str] = field(default_factory=list)
    took: float = 0.0
    """Seconds from the first call to the last answer."""

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took

    def within(self, share: float) -> float:
        """Milliseconds in which this share of the calls was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def __str__(self) -> str:
        figures = (
            f"p50 {self.within(0.5):.0f} ms, p99 {self.within(0.99):.0f} ms, {self.rate:.0f}/s"
        )
        return f"{len(self.seconds):,} calls, {len(self.failed)} failed, {figures}"


async def crowd(*callers: tuple[Line, Iterable[Asked]]) -> Heard:
    """Every caller asks one after the other, all callers at once."""
    heard, began = Heard(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for line, asked in callers:
            tasks.create_task(_ask_all(line, asked, heard))
    heard.took = time.perf_counter() - began
    return heard


async def _ask_all(line: Line, all_asked: Iterable[Asked], heard: Heard) -> None:
    for asked in all_asked:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await line.ask(asked)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            heard.failed.append(repr(error))
            return
        heard.seconds.append(time.perf_counter() - began)
        is_result = b'"result":' in answer and b'"isError":true' not in answer
        if wrong := asked.wrong(answer) if is_result else f"no result: {answer[-300:]!r}":
            heard.failed.append(wrong)


class HttpLine(asyncio.Protocol):
    """One keep-alive connection; of 2025-11-25 with a session of its own."""

    def __init__(self, address: str, revision: str) -> None:
        where = urlsplit(address)
        assert where.hostname is not None
        assert where.port is not None
        self._host, self._port, self._revision = where.hostname, where.port, revision
        self._fixed = (
            f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {revision}\r\n"
        )
        self._ids = count(1)
        self._heard = bytearray()
        self._answered: asyncio.Future[bytes] | None = None

    @classmethod
    async def opened(cls, address: str, revision: str) -> Self:
        line = cls(address, revision)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: line, line._host, line._port)
        if revision == OLD:
            await line._shake_hands()
        return line

    def close(self) -> None:
        self._writes.close()

    async def ask(self, asked: Asked) -> bytes:
        named = ""
        if self._revision == MODERN:
            name = asked.params.get("name", asked.params.get("uri", ""))
            named = f"Mcp-Method: {asked.method}\r\nMcp-Name: {name}\r\n"
        id = next(self._ids)
        said = await self._post(asked.frame(id, self._revision), named)
        if (named_ids := [int(one) for one in _REPLY_ID.findall(said)]) != [id]:
            raise ConnectionAbortedError(f"asked as {id}, answered to {named_ids}")
        return said

    async def _shake_hands(self) -> None:
        said = await self._post(_frame("initialize", _HELLO, id=0))
        found = _SESSION.search(self._head)
        assert found is not None, said
        self._fixed += f"Mcp-Session-Id: {found[1].decode()}\r\n"
        await self._post(_frame("notifications/initialized", {}))

    async def _post(self, frame: bytes, named: str = "") -> bytes:
        self._answered = asyncio.get_running_loop().create_future()
        head = f"{self._fixed}{named}Content-Length: {len(frame)}\r\n\r\n"
        self._writes.write(head.encode() + frame)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._writes = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        end = self._heard.find(b"\r\n\r\n") + 4
        if end < 4 or self._answered is None:
            return
        head = bytes(self._heard[:end])
        if found := _LENGTH.search(head):
            is_whole = len(self._heard) >= end + int(found[1])
        else:  # in chunks; no frame holds line ends
            is_whole = self._heard.endswith(b"\r\n0\r\n\r\n")
        if is_whole:
            self._head, body = head, bytes(self._heard[end:])
            self._heard.clear()
            self._answered.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(error or ConnectionResetError("the server hung up"))


class StdioLine:
    """One server process; calls may be in flight together."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._writes, self._reads = process, process.stdin, process.stdout
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def opened(cls, *command: str, env: dict[str, str]) -> Self:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=WIDEST,
        )
        line = cls(process)
        await line.ask(Asked("initialize", _HELLO))
        line._writes.write(_frame("notifications/initialized", {}))
        return line

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, asked: Asked) -> bytes:
        id = next(self._ids)
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[id] = answered
        self._writes.write(asked.frame(id, OLD))
        await self._writes.drain()
        return await answered

    async def close(self) -> None:
        self._reader.cancel()
        self._process.kill()
        await self._process.wait()

    async def _read(self) -> None:
        while frame := await self._reads.readline():
            found = _REPLY_ID.match(frame, 1)
            if found and (answered := self._waiting.pop(int(found[1]), None)):
                answered.set_result(frame)
        for answered in self._waiting.values():
            answered.set_exception(ConnectionResetError("the server ended"))


def _frame(method: str, params: dict[str, Any], **id: int) -> bytes:
    frame = {"jsonrpc": "2.0", **id, "method": method, "params": params}
    return json.dumps(frame).encode() + b"\n"


def environment(folder: Path, **settings: str) -> dict[str, str]:
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CLINALIGN_DATA_DIR": str(folder)}
    return base | settings


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[str]:
    """The shipped server over HTTP, as a process of its own; gives its endpoint's address."""
    command = [CLINALIGN, "serve", "--http", "127.0.0.1:0"]
    with served(command, environment(folder, **settings), folder) as address:
        yield address


@asynccontextmanager
async def lines(address: str, count: int, revision: str) -> AsyncIterator[list[HttpLine]]:
    """So many connections to one server."""
    opened = [await HttpLine.opened(address, revision) for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()


def tell(capture: pytest.CaptureFixture[str], row: str, figures: object) -> None:
    """One line for people, whether the test passes or not."""
    with capture.disabled():
        sys.stdout.write(f"\n{row}: {figures}\n")
