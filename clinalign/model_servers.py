"""Asks model servers on this machine which models they have. It never asks one elsewhere.

However a server behaves, the asking ends in time: one that hangs, or lets its reply trickle, has
its connection cut. There are no proxies here, and no redirects are followed.
"""

import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from clinalign.local_only import is_here as is_here
from inference.endpoint import Endpoint

TIMEOUT_SECONDS = 1.5
LONGEST_REPLY = 2**20
SILENT, NO_MODELS = "does not answer", "answers, but not as a model server does"
USUAL_PORTS: Mapping[str, int] = {
    "vLLM": 8000,
    "Ollama": 11434,
    "LM Studio": 1234,
    "llama.cpp": 8080,
}


@dataclass(frozen=True)
class Said:
    """One reply: the JSON in it, or why there is none."""

    data: Any = None
    trouble: str = ""


@dataclass(frozen=True)
class Heard:
    """What a server said."""

    models: tuple[str, ...] = ()
    trouble: str = ""
    """Why there is no list of models; empty when there is one."""


def heard_from(
    endpoints: Sequence[Endpoint], within_seconds: float = TIMEOUT_SECONDS
) -> list[Heard]:
    """What each of these says, asked all at once; each has to be on this machine."""
    return [heard(said) for said in said_by(endpoints, "/models", within_seconds)]


def heard(said: Said) -> Heard:
    """The models in a server's own list of them."""
    if said.trouble:
        return Heard(trouble=said.trouble)
    try:
        return Heard(tuple(str(row["id"]) for row in said.data["data"]))
    except (KeyError, TypeError):
        return Heard(trouble=NO_MODELS)


def usual_endpoints(ports: Mapping[str, int]) -> dict[str, Endpoint]:
    """Where each kind of server usually is."""
    return {kind: Endpoint(base_url=f"http://127.0.0.1:{port}/v1") for kind, port in ports.items()}


def said_by(endpoints: Sequence[Endpoint], path: str, within_seconds: float) -> list[Said]:
    """What each says at this path below its address, all asked at once; each has to be here."""
    return said_at([(one, one.base_url.rstrip("/") + path) for one in endpoints], within_seconds)


def said_at(asked: Sequence[tuple[Endpoint, str]], within_seconds: float) -> list[Said]:
    """What is said at each of these addresses, all asked at once with their endpoint's key."""
    calls = [_Call(address, endpoint.api_key, within_seconds) for endpoint, address in asked]
    deadline = time.monotonic() + within_seconds
    # Daemons: not even one that is stuck in connecting may keep the process from ending.
    threads = [Thread(target=call.run, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    replies = [call.said for call in calls]
    for call in calls:
        call.give_up()
    return replies


class _Call:
    """One request; until it is answered, what it says is that nobody answers."""

    def __init__(self, address: str, key: str, within_seconds: float) -> None:
        assert is_here(address), "only servers on this machine are asked"
        parts = urlsplit(address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=within_seconds)
        self._path, self._key = parts.path, key
        self._socket: socket.socket | None = None
        self.said = Said(trouble=SILENT)

    def run(self) -> None:
        try:
            self.said = self._ask()
        except (OSError, HTTPException):
            self.said = Said(trouble=SILENT)
        except (ValueError, RecursionError):
            self.said = Said(trouble=NO_MODELS)
        finally:
            self._connection.close()

    def _ask(self) -> Said:
        self._connection.connect()
        self._socket = self._connection.sock
        headers = {"Authorization": f"Bearer {self._key}", "Connection": "close"}
        self._connection.request("GET", self._path, headers=headers)
        with self._connection.getresponse() as reply:
            if reply.status != 200:
                return Said(trouble=f"answers with status {reply.status}")
            return Said(json.loads(reply.read(LONGEST_REPLY)))

    def give_up(self) -> None:
        if self._socket:
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)
