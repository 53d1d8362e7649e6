"""Asks model servers on this machine which models they have. It never asks one elsewhere."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from inference.endpoint import Endpoint

TIMEOUT_SECONDS = 1.5
LONGEST_REPLY = 2**20
USUAL_PORTS: Mapping[str, int] = {
    "vLLM": 8000,
    "Ollama": 11434,
    "LM Studio": 1234,
    "llama.cpp": 8080,
}


@dataclass(frozen=True)
class Heard:
    """What a server said."""

    models: tuple[str, ...] = ()
    trouble: str = ""
    """Why there is no list of models; empty when there is one."""


class _NoRedirects(HTTPRedirectHandler):
    """A server on this machine must not send us to another one."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


# Without proxies: they would carry the question off this machine.
_OPENER = build_opener(ProxyHandler({}), _NoRedirects)


def is_here(base_url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(base_url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def heard_from(endpoints: Sequence[Endpoint]) -> list[Heard]:
    """What each of these says, asked all at once; each has to be on this machine."""
    if not endpoints:
        return []
    with ThreadPoolExecutor(len(endpoints)) as pool:
        return list(pool.map(_heard, endpoints))


def usual_endpoints(ports: Mapping[str, int]) -> dict[str, Endpoint]:
    """Where each kind of server usually is."""
    return {kind: Endpoint(base_url=f"http://127.0.0.1:{port}/v1") for kind, port in ports.items()}


def _heard(endpoint: Endpoint) -> Heard:
    assert is_here(endpoint.base_url), "only servers on this machine are asked"
    address = endpoint.base_url.rstrip("/") + "/models"
    request = Request(address, headers={"Authorization": f"Bearer {endpoint.api_key}"})
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as reply:
            said = json.loads(reply.read(LONGEST_REPLY))
    except HTTPError as error:
        with error:
            return Heard(trouble=f"answers with status {error.code}")
    except (OSError, HTTPException):
        return Heard(trouble="does not answer")
    except ValueError:
        return Heard(trouble="answers, but not as a model server does")
    try:
        return Heard(tuple(str(row["id"]) for row in said["data"]))
    except (KeyError, TypeError):
        return Heard(trouble="answers, but not as a model server does")
