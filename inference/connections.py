"""Connections to model servers: a question goes where it was sent and nowhere else."""

import ssl
from collections.abc import Awaitable, Callable
from functools import lru_cache

import httpx2
import openai

from inference.endpoint import Endpoint


@lru_cache(maxsize=1)
def trust() -> ssl.SSLContext:
    """The certificates that are trusted; to read them takes longer than a call."""
    return httpx2.create_ssl_context()


def connections(
    endpoint: Endpoint,
    seconds: float,
    looks_at: Callable[[httpx2.Response], Awaitable[None]] | None = None,
) -> openai.DefaultAioHttpClient:
    """For one event loop; to be closed by whoever asked for it.

    Args:
        endpoint: where to. One of this machine is not asked through a proxy.
        seconds: that an answer may take.
        looks_at: every response before it is read.
    """
    # On aiohttp's connections: httpx's own pool searches all of them at every call.
    return openai.DefaultAioHttpClient(
        timeout=seconds,
        event_hooks={"response": [looks_at]} if looks_at else {},
        follow_redirects=False,
        trust_env=not endpoint.is_here,
        verify=trust(),
    )
