"""Ends what nobody waits for any longer: calls whose client hung up, and all of them at the stop.

In the revision of 2026-07-28 hanging up is how a client cancels, and the SDK does it. In that of
2025-11-25 a call outlives its connection, for a client that would come back for the answer; this
server keeps no answers for that, so the call is cancelled as if the client had said so.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import anyio
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types import INTERNAL_ERROR, JSONRPCRequest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.http_guards import MESSAGE, refusal

HANG_UP: Message = {"type": "http.disconnect"}
ENDLESS = "subscriptions/listen"  # answered by a stream that lasts until somebody ends it


class Calls:
    """Every request that is being answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    # Made in the loop that serves: the app may have been built outside of it.
    @cached_property
    def _streams_end(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    @cached_property
    def _calls_end(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def stopping(self, grace_seconds: float) -> AsyncIterator[None]:
        """End the streams of notifications now, and the calls when the grace is over."""
        self._streams_end.set_result(None)
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(self._end_calls, grace_seconds)
            yield
            waiting.cancel_scope.cancel()

    async def _end_calls(self, grace_seconds: float) -> None:
        await anyio.sleep(grace_seconds)
        self._calls_end.set_result(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = scope.get(MESSAGE)
        request = message if isinstance(message, JSONRPCRequest) else None
        is_call = scope["method"] == "POST" and (request is None or request.method != ENDLESS)
        ending = self._calls_end if is_call else self._streams_end
        line = _Line(receive, send, ending)
        await self._app(scope, line.receive, line.send)
        if line.is_complete:
            return
        if request and _has_session(scope):
            await self._cancel(request, scope)
        await line.close(request, scope)

    async def _cancel(self, request: JSONRPCRequest, scope: Scope) -> None:
        """Say what a client of 2025-11-25 says when it no longer wants the answer."""
        said = {"requestId": request.id, "reason": "the client hung up"}
        notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": said}
        body = json.dumps(notice).encode()
        told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        headers = [pair for pair in scope["headers"] if pair[0] != b"content-length"]

        async def receive() -> Message:
            return told.pop() if told else HANG_UP

        async def send(message: Message) -> None:
            """Nobody listens."""

        await self._app({**scope, "headers": headers}, receive, send)


class _Line:
    """One request's connection, which can also be ended from this side."""

    def __init__(self, receive: Receive, send: Send, ending: asyncio.Future[None]) -> None:
        self._receive, self._send, self._ending = receive, send, ending
        self._has_body, self._has_started = False, False
        self.is_complete = False

    async def receive(self) -> Message:
        if not self._has_body:
            message = await self._receive()
            self._has_body = not message.get("more_body", False)
            return message
        return await self._next()

    async def _next(self) -> Message:
        hearing = asyncio.ensure_future(self._receive())
        try:
            both: set[asyncio.Future[Any]] = {hearing, self._ending}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return hearing.result() if hearing.done() else HANG_UP
        finally:
            hearing.cancel()

    async def send(self, message: Message) -> None:
        self._has_started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_complete = True
        await self._send(message)

    async def close(self, request: JSONRPCRequest | None, scope: Scope) -> None:
        """End the answer that was not given; a client that hung up hears nothing of it."""
        if self._has_started:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            id = request.id if request else None
            answer = refusal(503, "the server stops; call again", code=INTERNAL_ERROR, id=id)
            await answer(scope, self._receive, self._send)


def _has_session(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
    is_old = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    return is_old and MCP_SESSION_ID_HEADER in headers
