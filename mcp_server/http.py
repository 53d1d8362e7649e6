"""The streamable HTTP transport: the SDK's behind our guards, until the process is told to stop."""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import HANDLED_SIGNALS

from inference.errors import ClinalignError
from mcp_server.bearer import asking_for_token, metadata_routes
from mcp_server.door import Door
from mcp_server.guarded import LARGEST_MESSAGE, GuardedServer
from mcp_server.http_calls import Calls
from mcp_server.http_guards import METHODS, Doorkeeper, FrameGuard
from mcp_server.rate_limit import RateLimit

GRACE_SECONDS = 5.0  # for running calls, once the server is told to stop
BACKSTOP_SECONDS = 2  # more, for calls that do not end when they are cancelled
MOST_CONNECTIONS = 512  # beyond, 503; a client of 2025-11-25 holds two
MOST_SESSIONS = 2000
KEEP_ALIVE_SECONDS = 30
LARGEST_HEAD = 32 * 1024  # bytes; access tokens take up to about 8,000


class AddressTaken(ClinalignError):
    """The server cannot listen where it should."""


class HttpApp:
    """The whole of it as one ASGI app; enter its lifespan once."""

    def __init__(self, server: GuardedServer, door: Door) -> None:
        self.calls = Calls(_transport(server, door))
        limit = RateLimit(door.rate, door.burst)
        guarded = asking_for_token(FrameGuard(self.calls, limit), door)
        inner = Starlette(
            routes=[
                Route("/mcp", guarded),
                Route("/health", _health(server), methods=["GET"]),
                *metadata_routes(door),
            ],
            lifespan=lambda app: server.session_manager.run(),
        )
        inner.router.redirect_slashes = False
        self._app = Doorkeeper(_for_browsers(inner, door), door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def http_app(server: GuardedServer, door: Door) -> HttpApp:
    """The server with its guards, for any ASGI server."""
    return HttpApp(server, door)


async def serve_http(server: GuardedServer, door: Door) -> None:
    """Serve until SIGTERM or Ctrl+C; running calls have a little time to end.

    Raises:
        AddressTaken: nothing can listen there.
    """
    with listening(door) as listener:
        door = door.model_copy(update={"port": listener.getsockname()[1]})
        await HttpServer(http_app(server, door), door, door.url).serve([listener])


class Answering(Protocol):
    """An ASGI app whose calls can be ended."""

    calls: Calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class HttpServer(uvicorn.Server):
    """Serves one app at one door; `should_exit` ends it like a signal does."""

    def __init__(self, app: Answering, door: Door, url: str) -> None:
        self._calls, self._url = app.calls, url
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",  # strict about heads, and bounds their size
                ws="none",
                lifespan="on",
                log_config=None,  # the default one writes to standard output
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # anybody could write them
                limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(GRACE_SECONDS) + BACKSTOP_SECONDS,
                h11_max_incomplete_event_size=LARGEST_HEAD,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stderr.write(f"clinalign answers at {self._url}; Ctrl+C ends it\n")
        sys.stderr.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        async with self._calls.stopping(GRACE_SECONDS):
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop when told to, and then end like any other program: with exit code 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        # No method of this object: the library of the SDK's event streams would find it there, and
        # end every stream at once.
        def told(sig: int, frame: Any) -> None:
            self.handle_exit(sig, frame)

        before = {one: signal.signal(one, told) for one in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _transport(server: GuardedServer, door: Door) -> ASGIApp:
    security = TransportSecuritySettings(
        allowed_hosts=sorted(door.answers_to), allowed_origins=sorted(door.admits)
    )
    server.streamable_http_app(
        max_request_body_size=LARGEST_MESSAGE,
        max_sessions=MOST_SESSIONS,
        transport_security=security,
    )
    return StreamableHTTPASGIApp(server.session_manager)


def _health(server: GuardedServer) -> Any:
    said = {"status": "ok", "server": server.name, "version": server.version}

    async def health(request: Request) -> Response:
        return JSONResponse(said, headers={"Cache-Control": "no-store"})

    return health


def _for_browsers(app: ASGIApp, door: Door) -> ASGIApp:
    """What a browser must be told before it lets a page of another origin read an answer."""
    if not door.origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=door.origins,
        allow_methods=METHODS,
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate", "Retry-After"],
    )


@contextmanager
def listening(door: Door) -> Generator[socket.socket, None, None]:
    """A socket at exactly the door's address.

    Raises:
        AddressTaken: there cannot be one.
    """
    # Never looked up: `localhost` is this machine whatever a resolver says.
    host = "127.0.0.1" if door.host == "localhost" else door.host
    try:
        found = socket.getaddrinfo(host, door.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        # With its protocol named, asyncio sends at once; else each answer waits 40 ms for the next.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressTaken(f"there is no address {door.host}: {error.strerror}") from None
    with listener:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise AddressTaken(
                f"cannot listen at {door.host}:{door.port}: {error.strerror}; is another copy"
                " running? Stop it, or choose another port"
            ) from None
        yield listener
