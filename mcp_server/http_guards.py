"""What stands before the SDK's HTTP transport: each guard lets a request through or answers it.

They look at Host and Origin first, then at who asks (`mcp_server.bearer`), then at the size of the
body, at the frame in it, and at how often this client calls. No answer repeats what was sent.
"""

import json
import math
from contextlib import AsyncExitStack
from ipaddress import IPv6Address, IPv6Network, ip_address

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST, JSONRPCRequest, RequestId
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.door import Door
from mcp_server.frames import BadFrame, message_in
from mcp_server.guarded import LARGEST_MESSAGE
from mcp_server.rate_limit import RateLimit

MESSAGE = "clinalign.message"
"""Where a guarded request's scope holds its message."""

METHODS = ("GET", "POST", "DELETE")
BODY_SECONDS = 30.0  # for a client to send a whole body
SMALL_BODY = 128 * 1024  # bytes
LARGE_BODIES = 4  # at a time, so that a crowd of them cannot fill the memory


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, text: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(text)
        self.status, self.text, self.code = status, text, code


def refusal(
    status: int,
    text: str,
    *,
    code: int = INVALID_REQUEST,
    id: RequestId | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A JSON-RPC error as an HTTP response."""
    body = {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}
    return Response(json.dumps(body), status, headers, media_type="application/json")


class Doorkeeper:
    """Turns away names and pages that are not this server's: DNS rebinding, foreign websites."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._hosts, self._origins = app, door.answers_to, door.admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            hosts = [one.lower() for one in headers.getlist("host")]
            if len(hosts) != 1 or hosts[0] not in self._hosts:
                return await refusal(421, "this server does not answer to that Host")(
                    scope, receive, send
                )
            origins = headers.getlist("origin")
            if origins and (len(origins) > 1 or origins[0] not in self._origins):
                return await refusal(403, "this server takes no calls from that Origin")(
                    scope, receive, send
                )
            scope = {**scope, "headers": [_lowered(*pair) for pair in scope["headers"]]}
        await self._app(scope, receive, send)


def _lowered(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    # The SDK compares the name again, letter by letter.
    return name, value.lower() if name == b"host" else value


class FrameGuard:
    """Lets through what is of bearable size, is one good frame, and comes not too often."""

    def __init__(self, app: ASGIApp, limit: RateLimit) -> None:
        self._app, self._limit = app, limit
        self._large = anyio.CapacityLimiter(LARGE_BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in METHODS:
            allow = {"Allow": ", ".join(METHODS)}
            return await refusal(405, f"expected {allow['Allow']}", headers=allow)(
                scope, receive, send
            )
        if scope["method"] != "POST":
            return await self._app(scope, receive, send)
        try:
            body = await self._body(scope, receive)
        except Refused as no:
            return await refusal(no.status, no.text, code=no.code)(scope, receive, send)
        if body is not None:
            await self._check_frame(body, scope, receive, send)

    async def _check_frame(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            message = message_in(body)
        except BadFrame as bad:
            answer = Response(bad.reply(), 400, media_type="application/json")
            return await answer(scope, receive, send)
        wait = self._limit.wait_seconds(client_of(scope))
        # What asks for no answer is never lost: it costs little, and it may be a cancellation.
        if wait and isinstance(message, JSONRPCRequest):
            return await _too_often(wait, message.id)(scope, receive, send)
        await self._app({**scope, MESSAGE: message}, _replayed(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client hung up before its end."""
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > LARGEST_MESSAGE:
            raise _too_large()
        try:
            with anyio.fail_after(BODY_SECONDS):
                return await self._received(receive)
        except TimeoutError:
            raise Refused(408, f"expected the whole body within {BODY_SECONDS:g} s") from None

    async def _received(self, receive: Receive) -> bytes | None:
        body, is_large = bytearray(), False
        async with AsyncExitStack() as slot:
            while (part := await receive())["type"] == "http.request":
                body += part.get("body", b"")
                if len(body) > LARGEST_MESSAGE:
                    raise _too_large()
                if not part.get("more_body", False):
                    return bytes(body)
                if len(body) > SMALL_BODY and not is_large:
                    await slot.enter_async_context(self._large)
                    is_large = True
        return None


def client_of(scope: Scope) -> str:
    """Whom a call counts for: the owner of the access token, else the address."""
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser) and user.access_token.subject:
        return f"subject {user.access_token.subject}"
    peer = scope.get("client")
    return _network_of(peer[0]) if peer else ""


def _network_of(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    # Whoever has one IPv6 address has 2**64 of them.
    return str(IPv6Network((ip, 64), strict=False)) if isinstance(ip, IPv6Address) else str(ip)


def _too_large() -> Refused:
    return Refused(413, f"expected a message of at most {LARGEST_MESSAGE:,} bytes")


def _too_often(wait_seconds: float, id: RequestId) -> Response:
    text = f"too many calls from this client; try again in {wait_seconds:.2f} s"
    retry = {"Retry-After": str(math.ceil(wait_seconds))}
    return refusal(429, text, code=INTERNAL_ERROR, id=id, headers=retry)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what the client does next."""
    said: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return said.pop() if said else await receive()

    return replay
