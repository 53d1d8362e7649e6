"""A chat model behind an OpenAI-compatible address, such as vLLM's, through langchain-openai."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import openai
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from inference.chat import Reply, Sampling
from inference.endpoint import Endpoint
from inference.errors import ModelUnknown
from inference.messages import Message
from inference.server_errors import (
    LONGEST_WAIT_SECONDS,
    Refusal,
    told,
    told_status,
    unreadable,
)

RETRIES = (
    2  # of the transport: refused connections, time-outs, 429 and 5xx; the client waits in between
)


class OpenAICompatibleChat:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._refused: set[str] = set()

    @property
    def name(self) -> str:
        return self.endpoint.model or f"the model at {self.endpoint.base_url}"

    async def connected(self) -> Self:
        """This chat once the server has said that it has the model; a model left open is filled in.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server has other models only.
        """
        offered = await self._offered_models()
        wanted = self.endpoint.model
        if not wanted and len(offered) == 1:
            return type(self)(self.endpoint.model_copy(update={"model": offered[0]}))
        if offered and wanted in offered:
            return self
        if not offered and wanted:
            return self  # some servers keep no list; the first call will tell
        asked = f"no model {wanted!r}" if wanted else "no single model to choose"
        has = ", ".join(map(repr, sorted(offered))) or "none"
        raise ModelUnknown(
            f"{self.endpoint.base_url} has {asked}; it has {has}; set --model or CLINALIGN_MODEL"
        )

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        sent: list[tuple[str, str]] = [(one.role, one.content) for one in messages]
        wanted = _extras(sampling, schema)
        while True:
            extras = {name: what for name, what in wanted.items() if name not in self._refused}
            try:
                return await self._ask(sent, _settings(sampling), extras)
            except Refusal as error:
                if not (refused := _refused(error, extras)):
                    raise told_status(error, self.endpoint) from error
                self._refused |= refused

    async def _ask(
        self, sent: list[tuple[str, str]], settings: dict[str, Any], extras: dict[str, Any]
    ) -> Reply:
        try:
            # In the extra body: as an argument, the client would refuse a schema reply cut short.
            said = await self._client.ainvoke(sent, **settings, extra_body=extras)
        except openai.APIStatusError as error:
            raise Refusal(error.status_code, str(error)) from error
        except openai.OpenAIError as error:
            raise told(error, self.endpoint) from error
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            # What the client says of a reply that is not in the API's shape.
            raise unreadable(error, self.endpoint) from error
        usage = said.usage_metadata
        return Reply(
            text=said.text,
            truncated=said.response_metadata.get("finish_reason") == "length",
            prompt_tokens=usage["input_tokens"] if usage else 0,
            completion_tokens=usage["output_tokens"] if usage else 0,
            cached_tokens=(usage.get("input_token_details") or {}).get("cache_read") or 0
            if usage
            else 0,
            first_token=first_token(said.response_metadata.get("logprobs")),
        )

    async def _offered_models(self) -> list[str]:
        client = openai.AsyncOpenAI(
            base_url=self.endpoint.base_url,
            api_key=self.endpoint.api_key,
            timeout=10,
            max_retries=0,
        )
        async with client:
            try:
                return [model.id async for model in client.models.list()]
            except openai.NotFoundError:
                return []
            except openai.OpenAIError as error:
                raise told(error, self.endpoint) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @cached_property
    def _http(self) -> openai.DefaultAioHttpClient:
        # Our own, for this event loop: the default one is shared by all loops of the process.
        # On aiohttp's connections: httpx's own pool searches all of them at every call.
        return openai.DefaultAioHttpClient(timeout=LONGEST_WAIT_SECONDS)

    @cached_property
    def _client(self) -> ChatOpenAI:
        return ChatOpenAI(
            model=self.endpoint.model,
            base_url=self.endpoint.base_url,
            api_key=SecretStr(self.endpoint.api_key),
            use_responses_api=False,
            timeout=LONGEST_WAIT_SECONDS,
            max_retries=RETRIES,
            http_async_client=self._http,
        )


def first_token(logprobs: Mapping[str, Any] | None) -> dict[str, float]:
    """The chances of the likeliest first tokens, from the API's `logprobs`."""
    content = (logprobs or {}).get("content") or []
    likeliest = content[0].get("top_logprobs") or [] if content else []
    return {one["token"]: math.exp(one["logprob"]) for one in likeliest}


def _settings(sampling: Sampling) -> dict[str, Any]:
    settings = sampling.model_dump(exclude_none=True, include={"temperature", "max_tokens", "seed"})
    if sampling.likeliest:
        settings |= {"logprobs": True, "top_logprobs": sampling.likeliest}
    return settings


def _extras(sampling: Sampling, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """What not every server takes: a schema for the reply, thinking switched on or off."""
    extras: dict[str, Any] = {}
    if schema is not None:
        wanted = {"name": "reply", "schema": dict(schema), "strict": True}
        extras["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if sampling.thinking is not None:
        extras["chat_template_kwargs"] = {"enable_thinking": sampling.thinking}
    return extras


def _refused(error: Refusal, extras: Mapping[str, Any]) -> set[str]:
    """Which of the extras the server names in its refusal."""
    if error.status != 400:
        return set()
    signs = {
        "response_format": ("response_format", "schema"),
        "chat_template_kwargs": ("chat_template_kwargs", "enable_thinking"),
    }
    return {name for name in extras if any(sign in error.said for sign in signs[name])}
