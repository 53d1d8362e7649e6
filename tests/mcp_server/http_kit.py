"""A small server behind the shipped guards, and requests written by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from mcp_server.door import Door
from mcp_server.guarded import GuardedServer
from mcp_server.http import HttpServer, http_app, listening

MODERN = "2026-07-28"
OLD = "2025-11-25"
HELLO = {"protocolVersion": OLD, "capabilities": {}, "clientInfo": {"name": "s", "version": "1"}}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "stranger", "version": "1"},
}
BOTH = "application/json, text/event-stream"


@dataclass
class Seen:
    """What the small server's tools went through."""

    calls: int = 0
    running: int = 0
    cancelled: int = 0
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        text = self.body.decode()
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            (text,) = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
        return json.loads(text)


def small_server(lifespan: Any = None) -> tuple[GuardedServer, Seen]:
    server, seen = GuardedServer("small", version="1.2.3", lifespan=lifespan), Seen()

    async def echo(text: str) -> str:
        seen.calls += 1
        seen.texts.append(text)
        return text

    async def hang(ctx: Context[Any, Any], telling: bool = False) -> str:
        seen.calls += 1
        seen.running += 1
        try:
            if telling:
                await ctx.report_progress(1, 2)
            await anyio.sleep_forever()
        except BaseException:
            seen.cancelled += 1
            raise
        return "never"

    async def take(seconds: float) -> str:
        seen.running += 1
        await anyio.sleep(seconds)
        return "done"

    for tool in (echo, hang, take):
        server.add_tool(tool)
    return server, seen


@asynccontextmanager
async def serving(server: GuardedServer, door: Door) -> AsyncIterator[tuple[HttpServer, Door]]:
    """Served on a real socket, at a free port when the door's is 0."""
    with listening(door) as listener:
        door = door.model_copy(update={"port": listener.getsockname()[1]})
        running = HttpServer(http_app(server, door), door, door.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(running.serve, [listener])
            await until(lambda: running.started)
            try:
                yield running, door
            finally:
                running.should_exit = True


async def until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    with anyio.fail_after(seconds):
        while not happened():  # noqa: ASYNC110 - a library's flag, which tells nobody
            await anyio.sleep(0.005)


def request(method: str, path: str, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def call(name: str, arguments: dict[str, Any], id: int | str = 1, **meta: Any) -> dict[str, Any]:
    """A call of the revision of 2026-07-28: it stands alone."""
    params = {"name": name, "arguments": arguments, "_meta": ENVELOPE | meta}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


def modern(message: dict[str, Any]) -> dict[str, str]:
    return {
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": message["method"],
        "Mcp-Name": message["params"].get("name", ""),
    }


def posted(door: Door, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    said = {
        "Host": f"127.0.0.1:{door.port}",
        "Content-Type": "application/json",
        "Accept": BOTH,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    return request("POST", "/mcp", said | (headers or {})) + body


def posted_call(
    door: Door, message: dict[str, Any], headers: dict[str, str] | None = None
) -> bytes:
    return posted(door, json.dumps(message).encode(), modern(message) | (headers or {}))


async def answer(door: Door, *said: bytes) -> Reply:
    """What comes back; the server is to close the connection."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    try:
        for part in said:
            writer.write(part)
        return await read_reply(reader)
    finally:
        writer.close()


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    with anyio.fail_after(20):
        status, headers = await read_head(reader)
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.read()
    return Reply(status, headers, body)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in head[1:] if line]
    return int(head[0].split()[1]), {name.lower(): value for name, _, value in pairs}


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
