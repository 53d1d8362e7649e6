"""The fixture build: our server, guards and transport with the conformance suite's own contents.

For tests alone: `python -m tests.conformance.fixture_server`.
"""

import asyncio

from mcp_server.door import Door
from mcp_server.guarded import GuardedServer
from mcp_server.http import serve_http
from tests.conformance.fixture_asking import add_asking
from tests.conformance.fixture_contents import add_contents


def fixture_server() -> GuardedServer:
    server = GuardedServer("clinalign-fixture", version="1")
    add_contents(server)
    add_asking(server)
    return server


if __name__ == "__main__":
    asyncio.run(serve_http(fixture_server(), Door.of("127.0.0.1:0")))
