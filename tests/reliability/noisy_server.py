"""A server that prints in every way there is, behind our guards and transport.

For tests alone: `python -m tests.reliability.noisy_server FOLDER WHEN`. It takes the wire first or,
with WHEN `late`, prints before that as well.
"""

import asyncio
import atexit
import ctypes
import importlib
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context

from mcp_server.guarded import GuardedServer
from mcp_server.stdio import serve_stdio
from mcp_server.wire import Wire, claim_wire

# What would be taken for a reply, if it reached the client.
FORGED = '{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}'
MODULE = "prints_when_imported"
C = ctypes.CDLL(None)


def to_descriptor() -> None:
    os.write(1, FORGED.encode() + b"\n")


def half_a_line() -> None:
    sys.stdout.write('{"jsonrpc":"2.0","id":')
    sys.stdout.flush()


def to_the_first_stdout() -> None:
    assert sys.__stdout__ is not None
    print(FORGED, file=sys.__stdout__, flush=True)


def to_a_copy() -> None:
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as copy:
        copy.write(FORGED + "\n")


def from_c() -> None:
    C.puts(FORGED.encode())
    C.fflush(None)


def from_a_child() -> None:
    subprocess.run(["/bin/echo", FORGED], check=True)


def from_a_shell() -> None:
    os.system(f"echo '{FORGED}'")


def from_a_thread() -> None:
    thread = threading.Thread(target=print, args=(FORGED,))
    thread.start()
    thread.join()


def a_warning() -> None:
    warnings.warn_explicit(FORGED, UserWarning, "noise.py", 1)


def a_log_line() -> None:
    logging.getLogger("noise").warning(FORGED)


def an_import() -> None:
    sys.modules.pop(MODULE, None)
    importlib.import_module(MODULE)


def a_raised_error() -> None:
    raise RuntimeError(FORGED)


CHEAP: tuple[Callable[[], None], ...] = (
    lambda: print(FORGED, flush=True),  # noqa: T201 - the noise is the point
    to_descriptor,
    half_a_line,
    to_the_first_stdout,
    to_a_copy,
    from_c,
    from_a_thread,
    a_warning,
    a_log_line,
    an_import,
    a_raised_error,
)
DEAR: tuple[Callable[[], None], ...] = (from_a_child, from_a_shell)


async def shout(number: int, ctx: Context[Any, Any]) -> int:
    """Print in one way before the answer; every fiftieth call starts a child that prints."""
    await ctx.report_progress(1, 2)
    ways = DEAR if number % 50 == 0 else CHEAP
    ways[number % len(ways) if ways is CHEAP else number // 50 % len(ways)]()
    return number


def noisy_server() -> GuardedServer:
    server = GuardedServer("noisy", version="1")
    server.add_tool(shout)
    return server


def prepare(folder: Path) -> None:
    """Everything that prints by itself from now on."""
    (folder / f"{MODULE}.py").write_text(f"print({FORGED!r})\n", encoding="utf-8")
    sys.path.insert(0, str(folder))
    warnings.simplefilter("always")
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, force=True)
    atexit.register(print, FORGED)
    atexit.register(to_descriptor)


def opened(folder: Path, late: bool) -> Wire:
    wire = None if late else claim_wire()
    prepare(folder)
    print(FORGED)  # noqa: T201 - the noise is the point
    if not late:
        for way in (to_descriptor, from_c, from_a_child, an_import):
            way()
    return wire or claim_wire()


if __name__ == "__main__":
    there = opened(Path(sys.argv[1]), sys.argv[2] == "late")
    asyncio.run(serve_stdio(noisy_server(), there))
