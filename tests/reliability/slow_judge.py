"""A fake judge model on loopback that takes its time, or never answers.

It is OpenAI-compatible as far as the server asks, finds every criterion met, and quotes the mark
that the answer under judgement bears: a verdict that reached the wrong caller shows.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.fake_server import completion

MARK = re.compile(r"mark-[0-9a-z-]+")
NEVER = None

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class SlowJudge:
    """Takes `seconds` over each judgement; the list of its models comes at once."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.base_url = ""
        self.judged = self.in_flight = 0
        self._news, self._over = asyncio.Event(), asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> dict[str, str]:
        return {"CLINALIGN_JUDGE_BASE_URL": self.base_url, "CLINALIGN_JUDGE_MODEL": "slow"}

    async def until_in_flight(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many judgements are asked for at once."""
        async with asyncio.timeout(seconds):
            while self.in_flight < count:
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        """End every conversation; what hangs is hung up on."""
        self._over.set()
        await asyncio.gather(*self._talks)

    def _connected(self, reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._converse(reads, writes))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _converse(self, reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reads.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reads.readexactly(int(found[1])) if found else b""
                said = json.dumps(await self._said(json.loads(body)) if body else _MODELS)
                writes.write(_response(said.encode()))
                await writes.drain()
        writes.close()

    async def _said(self, request: dict[str, Any]) -> dict[str, Any]:
        self.in_flight += 1
        self._news.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self.seconds)
        self.in_flight -= 1
        if self._over.is_set():
            raise ConnectionAbortedError
        self.judged += 1
        return completion(json.dumps(_opinions(request)))


@asynccontextmanager
async def slow_judge(seconds: float | None) -> AsyncIterator[SlowJudge]:
    judge = SlowJudge(seconds)
    server = await asyncio.start_server(judge._connected, "127.0.0.1", 0, limit=1 << 20)
    judge.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield judge
    finally:
        server.close()
        await judge.close()


_MODELS = {
    "object": "list",
    "data": [{"id": "slow", "object": "model", "created": 0, "owned_by": "x"}],
}


def _opinions(request: dict[str, Any]) -> dict[str, Any]:
    found = MARK.search(request["messages"][0]["content"])
    mark = found[0] if found else ""
    opinion = {"explanation": f"it bears {mark}", "quote": mark, "verdict": "MET"}
    wanted = request["response_format"]["json_schema"]["schema"]["required"]
    return dict.fromkeys(wanted, opinion)


def _response(body: bytes) -> bytes:
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body
