"""What a model server tells of itself: its models, how long their context is, how it counts."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import openai

from inference.connections import connections
from inference.endpoint import Endpoint
from inference.messages import Message
from inference.server_errors import told

PATIENCE_SECONDS = 5.0
LIST_SECONDS = 10.0
MOST_FACTS_BYTES = 8 * 2**20  # llama.cpp tells its whole chat template, vLLM every token
OLLAMA_CONTEXT_TOKENS = 4096
"""Ollama's context on most machines where nothing else is set; it cuts what is longer, silently."""

_LENGTHS = (
    "max_model_len",  # vLLM, SGLang
    "loaded_context_length",  # LM Studio, of a model in memory
    "context_length",  # OpenRouter, Together; Ollama, of a model in memory
    "context_window",  # Groq
    "max_context_length",  # LM Studio, of a model that is not loaded; Mistral
)


async def offered_models(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The rows of the server's list of models; none where it keeps no list.

    Raises:
        ModelError: nothing answers, or not with a list.
    """
    client = openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        timeout=LIST_SECONDS,
        max_retries=0,
        http_client=connections(endpoint, LIST_SECONDS),
    )
    async with client:
        try:
            return [model.model_dump() async for model in client.models.list()]
        except openai.NotFoundError:
            return []
        except openai.OpenAIError as error:
            raise told(error, endpoint) from error


async def context_tokens(endpoint: Endpoint, row: Mapping[str, Any]) -> int | None:
    """The length of the model's context; None where the server does not tell.

    Args:
        endpoint: with the model's name.
        row: of the model in the list of models, which has the length on most servers.
    """
    if length := _length(row):
        return length
    props, studio, ollama = await asyncio.gather(
        _asked(endpoint, "/props"), _asked(endpoint, "/api/v0/models"), _asked(endpoint, "/api/ps")
    )
    if length := _positive(_in(props, "default_generation_settings", "n_ctx")):
        return length  # llama.cpp
    if length := _length(_named(_in(studio, "data"), endpoint.model)):
        return length
    if isinstance(loaded := _in(ollama, "models"), list):
        return _length(_named(loaded, endpoint.model)) or await _set_in_ollama(endpoint)
    return _positive(_in(row, "meta", "n_ctx_train"))  # llama.cpp; no less than what it serves


async def counted_tokens(endpoint: Endpoint, messages: Sequence[Message]) -> int | None:
    """The length of a prompt made of the messages, as vLLM counts it; None on other servers."""
    sent = [message.model_dump() for message in messages]
    said = await _asked(endpoint, "/tokenize", {"model": endpoint.model, "messages": sent})
    return _positive(_in(said, "count"))


async def _set_in_ollama(endpoint: Endpoint) -> int:
    """What the model will be loaded with, as far as its own settings say."""
    said = await _asked(endpoint, "/api/show", {"model": endpoint.model})
    found = re.search(r"^num_ctx\s+(\d+)", str(_in(said, "parameters")), re.MULTILINE)
    return int(found[1]) if found else OLLAMA_CONTEXT_TOKENS


async def _asked(endpoint: Endpoint, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON at a path beside the API's; None where there is none."""
    url = endpoint.base_url.rstrip("/").removesuffix("/v1") + path
    headers = {"Authorization": f"Bearer {endpoint.api_key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    timeout = aiohttp.ClientTimeout(total=min(PATIENCE_SECONDS, endpoint.longest_wait_seconds))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                "POST" if data else "GET",
                url,
                data=data,
                headers=headers,
                allow_redirects=False,
            ) as reply,
        ):
            said = await reply.content.read(MOST_FACTS_BYTES) if reply.status == 200 else b""
            while reply.status == 200 and len(said) < MOST_FACTS_BYTES:
                if not (more := await reply.content.read(MOST_FACTS_BYTES - len(said))):
                    break
                said += more
            return json.loads(said) if said else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def _in(said: Any, *path: str) -> Any:
    for step in path:
        said = said.get(step) if isinstance(said, Mapping) else None
    return said


def _named(rows: Any, model: str) -> Mapping[str, Any]:
    """The row of the model, under any of the names that servers give it."""
    names = {model, f"{model}:latest"}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping) and names & {row.get(key) for key in ("id", "name", "model")}:
            return row
    return {}


def _length(row: Mapping[str, Any]) -> int | None:
    return next((length for key in _LENGTHS if (length := _positive(row.get(key)))), None)


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
