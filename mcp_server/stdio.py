"""The stdio transport: one frame a line, and an answer to every frame that wants one.

The SDK's own passes over lines that it cannot read. What a frame must be is in
`mcp_server.frames`; whose the streams are in `mcp_server.wire`.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import anyio
from anyio import to_thread
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCMessage

from mcp_server.frames import BadFrame, message_in, too_long
from mcp_server.guarded import LARGEST_MESSAGE, GuardedServer
from mcp_server.wire import Wire

TAIL = 1000  # bytes kept of the end of a line that is too long
LAST_WORDS_SECONDS = 0.5  # for a client that closed its end, to read what was said before

Message = SessionMessage | Exception


async def serve_stdio(server: GuardedServer, wire: Wire) -> None:
    """Serve one client until it closes either end of the pipe, or is gone."""
    to_server, from_client = anyio.create_memory_object_stream[Message]()
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage]()
    lowlevel, reading = server._lowlevel_server, anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, wire.reads, to_server, to_client.clone(), reading)
        tasks.start_soon(_write, from_server, wire.writes, reading)
        await lowlevel.run(from_client, to_client, lowlevel.create_initialization_options())
        tasks.cancel_scope.deadline = anyio.current_time() + LAST_WORDS_SECONDS


async def _read(
    reads: BinaryIO,
    to_server: ObjectSendStream[Message],
    to_client: ObjectSendStream[SessionMessage],
    reading: anyio.CancelScope,
) -> None:
    lines, one = _lines(reads), anyio.CapacityLimiter(1)
    async with to_server, to_client:
        with reading, suppress(anyio.BrokenResourceError):
            while line := await to_thread.run_sync(
                next, lines, b"", abandon_on_cancel=True, limiter=one
            ):
                try:
                    await to_server.send(SessionMessage(_message(line)))
                except BadFrame as bad:
                    error = ErrorData(code=bad.code, message=f"expected {bad.expected}")
                    refusal = JSONRPCError(jsonrpc="2.0", id=bad.id, error=error)
                    await to_client.send(SessionMessage(refusal))


def _message(line: bytes | BadFrame) -> JSONRPCMessage:
    if isinstance(line, BadFrame):
        raise line
    return message_in(line)


def _lines(reads: BinaryIO) -> Iterator[bytes | BadFrame]:
    """Each line of the client; of one that is too long only both ends are held."""
    while line := reads.readline(LARGEST_MESSAGE + 1):
        if len(line) <= LARGEST_MESSAGE or line.endswith(b"\n"):
            yield line
            continue
        head, tail = line, b""
        while not tail.endswith(b"\n") and (more := reads.readline(1 << 16)):
            tail = (tail + more)[-TAIL:]
        yield too_long(head, tail.rstrip(), LARGEST_MESSAGE)


async def _write(
    from_server: ObjectReceiveStream[SessionMessage], writes: BinaryIO, reading: anyio.CancelScope
) -> None:
    one = anyio.CapacityLimiter(1)
    async with from_server:
        async for said in from_server:
            line = said.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            try:
                await to_thread.run_sync(_put, writes, line, abandon_on_cancel=True, limiter=one)
            except OSError:  # nobody hears us any longer, so nobody is to be heard
                return reading.cancel()


def _put(writes: BinaryIO, line: bytes) -> None:
    writes.write(line)
    writes.flush()
