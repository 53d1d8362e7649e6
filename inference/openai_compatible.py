"""A chat model behind an OpenAI-compatible address, such as vLLM's, through langchain-openai."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import httpx
import openai
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from inference.chat import Reply, Sampling
from inference.endpoint import Endpoint
from inference.errors import ModelUnknown
from inference.messages import Message
from inference.server_errors import LONGEST_WAIT_SECONDS, told, unreadable

RETRIES = (
    2  # of the transport: refused connections, time-outs, 429 and 5xx; the client waits in between
)


class OpenAICompatibleChat:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._takes_schemas = True

    @property
    def name(self) -> str:
        return self.endpoint.model or f"the model at {self.endpoint.base_url}"

    async def connected(self) -> "OpenAICompatibleChat":
        """This chat once the server has said that it has the model; a model left open is filled in.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server has other models only.
        """
        offered = await self._offered_models()
        wanted = self.endpoint.model
        if not wanted and len(offered) == 1:
            return OpenAICompatibleChat(self.endpoint.model_copy(update={"model": offered[0]}))
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
        if schema is not None and self._takes_schemas:
            try:
                return await self._ask(sent, sampling, extra_body=_wanted(schema))
            except openai.BadRequestError as error:
                if "response_format" not in str(error) and "schema" not in str(error):
                    raise told(error, self.endpoint) from error
                self._takes_schemas = False
            except openai.OpenAIError as error:
                raise told(error, self.endpoint) from error
        try:
            return await self._ask(sent, sampling)
        except openai.OpenAIError as error:
            raise told(error, self.endpoint) from error

    async def _ask(self, sent: list[tuple[str, str]], sampling: Sampling, **also: Any) -> Reply:
        settings = sampling.model_dump(exclude_none=True)
        try:
            said = await self._client.ainvoke(sent, **settings, **also)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            # What the client says of a reply that is not in the API's shape.
            raise unreadable(error, self.endpoint) from error
        usage = said.usage_metadata
        return Reply(
            text=said.text,
            truncated=said.response_metadata.get("finish_reason") == "length",
            prompt_tokens=usage["input_tokens"] if usage else 0,
            completion_tokens=usage["output_tokens"] if usage else 0,
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
    def _http(self) -> httpx.AsyncClient:
        # Our own, for this event loop: the default one is shared by all loops of the process.
        unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        return httpx.AsyncClient(timeout=LONGEST_WAIT_SECONDS, limits=unlimited)

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


def _wanted(schema: Mapping[str, Any]) -> dict[str, Any]:
    # In the extra body: as an argument, the client would parse the reply and refuse one cut short.
    wanted = {"name": "reply", "schema": dict(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}
