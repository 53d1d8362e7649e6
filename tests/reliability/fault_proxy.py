"""A TCP proxy before a model server on loopback that does to its replies what networks do."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

DRIP_SECONDS = 0.02  # between two bytes
NUMBER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": 42}}]}
UNKNOWN = {"error": {"message": "The model `m` does not exist.", "code": 404}}


class FaultProxy:
    """Relays one request a connection; `fault` names what it does instead, or is empty."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._server: asyncio.Server | None = None
        self._port = 0
        self._serving: set[asyncio.Task[None]] = set()
        self.fault = ""
        self.connections = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def become(self, fault: str) -> None:
        """Take on a fault, or with an empty name none."""
        self.fault = fault
        if fault == "refuse":
            self._stop_listening()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._stop_listening()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _stop_listening(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        self.connections += 1
        try:
            # The client gave up, or the proxy was closed.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                request = await _request(reader)
                fault = _FAULTS.get(self.fault)
                if fault:
                    await fault(writer, await self._relay(request))
                else:
                    writer.write(await self._relay(request))
                    await writer.drain()
        finally:
            self._serving.discard(task)
            writer.close()

    async def _relay(self, request: bytes) -> bytes:
        """The whole reply of the server behind."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def fault_proxy(upstream_port: int) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(upstream_port)
    await proxy.become("")
    try:
        yield proxy
    finally:
        await proxy.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def _canned(status: str, body: str, headers: str = "", length: int | None = None) -> bytes:
    size = len(body.encode()) if length is None else length
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {size}\r\n{headers}\r\n"
    return head.encode() + body.encode()


def _saying(status: str, body: str, headers: str = "") -> "Fault":
    async def fault(writer: asyncio.StreamWriter, reply: bytes) -> None:
        writer.write(_canned(status, body, headers))
        await writer.drain()

    return fault


async def _reset(writer: asyncio.StreamWriter, reply: bytes) -> None:
    """Half of the body, then a reset."""
    writer.write(_half(reply))
    await writer.drain()
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _stall(writer: asyncio.StreamWriter, reply: bytes) -> None:
    """Half of the body, then silence for as long as the client stays."""
    writer.write(_half(reply))
    await writer.drain()
    await asyncio.Event().wait()


async def _drip(writer: asyncio.StreamWriter, reply: bytes) -> None:
    """The body byte by byte, much too slowly."""
    head, _, body = reply.partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    await _slowly(writer, body)


async def _slowly(writer: asyncio.StreamWriter, text: bytes) -> None:
    for place in range(len(text)):
        writer.write(text[place : place + 1])
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)


async def _cut(writer: asyncio.StreamWriter, reply: bytes) -> None:
    """Half of the body as a whole one: nothing but its content is wrong."""
    head, _, body = _half(reply).partition(b"\r\n\r\n")
    kind = re.search(rb"content-type: [^\r]*\r\n", head, re.IGNORECASE)
    headers = kind[0].decode() if kind else ""
    writer.write(_canned("200 OK", body.decode(), headers))
    await writer.drain()


async def _endless(writer: asyncio.StreamWriter, reply: bytes) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"choices": [')
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


def _half(reply: bytes) -> bytes:
    """The head, and half of what follows."""
    head, _, body = reply.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[: len(body) // 2]


Fault = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
_FAULTS: dict[str, Fault] = {
    "reset mid-body": _reset,
    "stall": _stall,
    "drip": _drip,
    "429 with Retry-After": _saying("429 Too Many Requests", "{}", "Retry-After: 1\r\n"),
    "500": _saying("500 Internal Server Error", '{"error": {"message": "no"}}'),
    "HTML 502": _saying(
        "502 Bad Gateway", "<html>bad gateway</html>", "Content-Type: text/html\r\n"
    ),
    "cut JSON": _cut,
    "wrong type": _saying("200 OK", json.dumps(NUMBER), "Content-Type: application/json\r\n"),
    "endless body": _endless,
    "wrong model name": _saying("404 Not Found", json.dumps(UNKNOWN)),
    "slow headers": _slowly,
}
KINDS = ("refuse", *_FAULTS)
