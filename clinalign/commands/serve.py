"""`clinalign serve`: the MCP server for other programs.

Nothing heavy is imported here: a client waits for the first answer, the rest loads behind it.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clinalign.settings import Settings, who_judges
from mcp_server.house import Entrance, House
from mcp_server.server import HealthServer
from mcp_server.stdio import serve_stdio
from mcp_server.wire import claim_wire
from principle_store.loading import VERSION, load_taxonomy

if TYPE_CHECKING:
    from mcp_server.door import Door


def run(overlay: str = "") -> None:
    """Serve over stdio until the client closes the pipe, and end the process.

    Raises:
        ClinalignError: a setting cannot be used.
    """
    server = open_serving(Settings.from_environment(overlay=overlay))
    wire = claim_wire()
    asyncio.run(serve_stdio(server, wire))
    _end()


def run_http(
    address: str,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    calls_per_second: float | None = None,
    overlay: str = "",
) -> None:
    """Serve over HTTP until the process is told to stop, and end it.

    Raises:
        ClinalignError: a setting or the address cannot be used.
    """
    from mcp_server.http import serve_http

    settings = Settings.from_environment(overlay=overlay)
    door = _door(address, hosts, origins, calls_per_second, settings)
    asyncio.run(serve_http(open_serving(settings), door))
    _end()


def run_chat(
    address: str,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    calls_per_second: float | None = None,
    overlay: str = "",
) -> None:
    """Serve the agent as an OpenAI-compatible model until the process is told to stop.

    Raises:
        ClinalignError: a setting, a model or the address cannot be used.
    """
    from clinalign.commands.chat import serve

    settings = Settings.from_environment(overlay=overlay)
    asyncio.run(serve(settings, _door(address, hosts, origins, calls_per_second, settings)))
    _end()


def _door(
    address: str,
    hosts: Sequence[str],
    origins: Sequence[str],
    calls_per_second: float | None,
    settings: Settings,
) -> "Door":
    from mcp_server.door import Door

    return Door.of(
        address,
        hosts=tuple(hosts),
        origins=tuple(origins),
        calls_per_second=calls_per_second,
        **settings.access.model_dump(),
    )


def _end() -> None:
    sys.stderr.flush()
    # A thread may still load a library or read the pipe; nothing is left to be waited for.
    os._exit(0)


def open_serving(settings: Settings) -> HealthServer:
    """The server, with its house opened when it is needed.

    Raises:
        BadInput: a judge is wanted and none is configured.
    """
    who_judges(settings, "client")

    def open_all() -> House:
        from clinalign.parts import open_house

        house = open_house(settings, "client")
        asyncio.run(house.store.nearest(["What should I do?"], 1))  # loads the embedder
        # What was loaded stays: the collector need not look through it at every turn.
        gc.collect()
        gc.freeze()
        return house

    return HealthServer(Entrance(open_all), load_taxonomy(), settings.data_dir, VERSION)
