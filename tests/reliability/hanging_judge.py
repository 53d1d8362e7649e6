"""A model server on loopback that takes requests and keeps the caller waiting.

It speaks as much of the OpenAI API as a judge needs, answers only as often as it is let, and knows
of each request when it came and when its connection was closed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.fake_server import completion, judging

MODEL = "slow"


@dataclass
class Asked:
    """One request for verdicts."""

    body: str
    at: float
    closed_at: float | None = None
    """When its connection ended; None while it lasts."""
    answered: bool = False


class HangingJudge:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        """Open now."""
        self.base_url = ""
        self._permits = asyncio.Semaphore(0)
        self._news = asyncio.Event()

    @property
    def settings(self) -> dict[str, str]:
        """For a server's environment."""
        return {"CLINALIGN_JUDGE_BASE_URL": self.base_url, "CLINALIGN_JUDGE_MODEL": MODEL}

    def let_answer(self, times: int = 1) -> None:
        """Answer so many requests, in the order they came."""
        for _ in range(times):
            self._permits.release()

    def about(self, word: str) -> list[Asked]:
        """The requests that hold this word."""
        return [one for one in self.asked if word in one.body]

    async def until_asked(self, word: str, seconds: float = 30.0) -> None:
        """Until a request holds this word."""
        await self._until(lambda: bool(self.about(word)), seconds)

    async def until_closed(self, word: str, seconds: float = 30.0) -> None:
        """Until no connection with such a request is open."""
        await self._until(lambda: all(one.closed_at for one in self.about(word)), seconds)

    async def until_alone(self, seconds: float = 30.0) -> None:
        """Until no connection is open at all."""
        await self._until(lambda: self.connections == 0, seconds)

    async def _until(self, happened: Any, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not happened():
                self._news.clear()
                await self._news.wait()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await _head(reader):
                await self._serve(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller hung up
        finally:
            self.connections -= 1
            self._news.set()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if head.startswith("GET"):
            rows = [{"id": MODEL, "object": "model", "created": 0, "owned_by": "x"}]
            return await _answer(writer, {"object": "list", "data": rows})
        body = (await reader.readexactly(_length(head))).decode()
        asked = Asked(body, time.monotonic())
        self.asked.append(asked)
        self._news.set()
        if await self._let(reader):
            asked.answered = True
            await _answer(writer, completion(judging()(json.loads(body))))
        else:
            asked.closed_at = time.monotonic()
            raise ConnectionError

    async def _let(self, reader: asyncio.StreamReader) -> bool:
        """Whether it may answer before the caller hangs up."""
        permit = asyncio.create_task(self._permits.acquire())
        hung_up = asyncio.create_task(_hung_up(reader))
        done, _ = await asyncio.wait([permit, hung_up], return_when=asyncio.FIRST_COMPLETED)
        for task in (permit, hung_up):
            task.cancel()
        await asyncio.wait([permit, hung_up])
        return permit in done and hung_up not in done


@asynccontextmanager
async def hanging() -> AsyncIterator[HangingJudge]:
    judge = HangingJudge()
    server = await asyncio.start_server(judge.connected, "127.0.0.1", 0)
    judge.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield judge
    finally:
        server.close()
        await judge.until_alone()
        await server.wait_closed()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return ""


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


async def _hung_up(reader: asyncio.StreamReader) -> None:
    """Wait for the end of what a caller sends; it says nothing more while it waits."""
    with suppress(ConnectionError):
        await reader.read(1)


async def _answer(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    writer.write(f"{head}\r\n\r\n".encode() + data)
    await writer.drain()
