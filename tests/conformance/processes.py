"""Starts a server as a process of its own, waits until it listens, and ends it."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 15.0


@contextmanager
def listening(*module_and_arguments: str, folder: Path) -> Iterator[str]:
    """A Python module that serves MCP at a port of its choice; gives its endpoint's address."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CLINALIGN_DATA_DIR": str(folder)}
    with served([sys.executable, "-m", *module_and_arguments], env, folder) as address:
        yield address


@contextmanager
def served(command: Sequence[str], env: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The server that a command starts; gives its endpoint's address."""
    log = folder / "served.log"
    with log.open("w", encoding="utf-8") as written:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    try:
        yield _address(server, log)
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where it says that it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        said = log.read_text(encoding="utf-8")
        if found := re.search(r"answers at (http://\S+/mcp);", said):
            return found[1]
        assert server.poll() is None, f"it stopped: {said[-2000:]}"
        time.sleep(0.02)
    raise AssertionError(f"it did not listen within {START_SECONDS:g} s")
