"""Starts an MCP server as a client would and asks it for its tools, by hand over real pipes.

Built on no client library, so that what it finds holds for every client. It knows no configuration
(see `clinalign.client_configs`) and judges nothing (see `clinalign.doctor`).

Source: Model Context Protocol, revision 2025-11-25, lifecycle and stdio transport.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any

from inference.errors import shortened

LONGEST_LINE = 8 * 2**20
MOST_LINES = 1000  # read ahead of us; a server that floods its output waits
FAREWELL_SECONDS = 5.0  # between closing its input and killing it
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "clinalign-doctor", "version": "1"},
}


@dataclass(frozen=True)
class Start:
    """What starts a server."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it gets besides our own environment."""

    def __hash__(self) -> int:
        return hash((self.command, self.args, tuple(sorted(self.env.items()))))


@dataclass(frozen=True)
class Seen:
    """What came of a start."""

    tools: tuple[str, ...] = ()
    trouble: str = ""
    """Why there are no tools; empty when it answered."""
    strange: str = ""
    """The first line on its standard output that is no JSON-RPC message; or empty."""
    seconds: float = 0.0
    """Until the tools were there."""


class _Trouble(Exception):
    """The server does not do what a client needs."""


def seen(start: Start, environment: Mapping[str, str], home: Path, deadline_seconds: float) -> Seen:
    """Start it, greet it, ask for its tools, and end it, whatever happens.

    Args:
        start: the command as a client's file has it.
        environment: what the command is found in and gets to see.
        home: where it starts, as clients start theirs anywhere but in a project.
        deadline_seconds: for everything up to the tools.
    """
    given = {**environment, **start.env}
    with tempfile.TemporaryFile() as errors:
        try:
            process = _started(start, given, home, errors)
        except (OSError, ValueError):  # the latter for a NUL in a word
            return Seen(trouble=f"{start.command} is not there or cannot be run")
        talk = _Talk(process, deadline_seconds)
        try:
            tools, trouble = talk.tools(), ""
        except _Trouble as told:
            tools, trouble = (), str(told)
        finally:
            seconds = talk.seconds
            talk.end()
        trouble += _last_words(errors) if trouble else ""
        return Seen(tools, trouble, talk.strange, seconds)


def at_once(start: Start, times: int, look: Callable[[Start], Seen]) -> list[Seen]:
    """Several starts of one server at the same time, as clients do start two."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(look, [start] * times))


def _started(
    start: Start, environment: Mapping[str, str], home: Path, errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    alone = Path(start.command).name == start.command
    command = start.command if alone else str(home / start.command)
    found = shutil.which(command, path=environment.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(command)
    # A group of its own, so that what it started in turn ends with it.
    return subprocess.Popen(
        [found, *start.args],
        cwd=home,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


class _Talk:
    """One conversation with a server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], deadline_seconds: float) -> None:
        self.strange = ""
        self._process, self._deadline_seconds = process, deadline_seconds
        self._began, self._drained = time.monotonic(), False
        self._lines: Queue[bytes | None] = Queue(MOST_LINES)
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def tools(self) -> tuple[str, ...]:
        self._ask(1, "initialize", HELLO)
        self._tell({"method": "notifications/initialized"})
        listed = self._ask(2, "tools/list", {})
        try:
            return tuple(str(tool["name"]) for tool in listed["tools"])
        except (KeyError, TypeError):
            raise _Trouble("its list of tools is of another shape") from None

    def end(self) -> None:
        """Close its input, as a client does that goes; kill what does not end then."""
        with suppress(OSError):
            self._input.close()
        if not self._ended():
            self._kill()
            self._ended()

    def _ended(self) -> bool:
        """Whether it ends within a while; what it says meanwhile is read."""
        ends = time.monotonic() + FAREWELL_SECONDS
        while not self._drained and time.monotonic() < ends:
            with suppress(Empty):
                self._message(self._lines.get(timeout=max(0.0, ends - time.monotonic())))
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, ends - time.monotonic()))
        return self._drained and self._process.returncode is not None

    def _kill(self) -> None:
        if os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()

    def _ask(self, id: int, method: str, params: Mapping[str, Any]) -> Any:
        self._tell({"id": id, "method": method, "params": params})
        while True:
            message = self._message(self._next(method))
            if message is None or message.get("id") != id or "method" in message:
                continue
            if "error" in message:
                raise _Trouble(f"it answers {method} with an error: {shortened(message['error'])}")
            return message["result"]

    def _tell(self, message: Mapping[str, Any]) -> None:
        try:
            self._input.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            self._input.flush()
        except OSError:
            raise _Trouble(self._gone()) from None

    def _next(self, method: str) -> bytes:
        left = self._deadline_seconds - self.seconds
        try:
            line = self._lines.get(timeout=left) if left > 0 else b""
        except Empty:
            line = b""
        if line == b"":
            raise _Trouble(f"no answer to {method} within {self._deadline_seconds:g} seconds")
        if line is None:
            self._drained = True
            raise _Trouble(self._gone())
        return line

    def _gone(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(FAREWELL_SECONDS)
        code = self._process.returncode
        return "it closed its output" if code is None else f"it ended at once with exit code {code}"

    def _message(self, line: bytes | None) -> dict[str, Any] | None:
        """The message of a line; one that is none is remembered."""
        if line is None:
            self._drained = True
            return None
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if _is_message(found):
            return dict(found)
        self.strange = self.strange or shortened(line.decode("utf-8", "replace").rstrip("\r\n"))
        return None

    def _read(self) -> None:
        with self._output as output:
            while line := output.readline(LONGEST_LINE):
                self._lines.put(line)
        self._lines.put(None)

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout


def _is_message(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0":
        return False
    return isinstance(found.get("method"), str) or (
        "id" in found and ("result" in found) != ("error" in found)
    )


def _last_words(errors: IO[bytes]) -> str:
    """The last line that it wrote to its standard error."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4096))
    lines = errors.read().decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; its last words: {said[:200]}" if said else ""
