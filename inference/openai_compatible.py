"""A chat model behind an OpenAI-compatible address, such as vLLM's, through langchain-openai."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import aiohttp
import httpx2
import openai
from pydantic import SecretStr

from inference.chat import Heard, Reply, Sampling, unheard
from inference.connections import connections, trust
from inference.endpoint import Endpoint
from inference.errors import ModelUnknown, ModelUnreachable
from inference.langchain_chat import ApartChatOpenAI, bounded, take
from inference.messages import Message
from inference.model_facts import context_tokens, counted_tokens, offered_models
from inference.server_errors import (
    UNREADABLE,
    Refusal,
    TooMuch,
    asked_pause,
    broke_off,
    failed_midway,
    lost,
    told,
    told_status,
    too_much,
    too_slow,
    unreadable,
)
from inference.thinking import Listener, always_thinks
from inference.wire import Figures, Request, error_event, request_of

PASSING = (408, 409, 429, 500, 502, 503, 504)  # statuses that may be gone the next time
RETRIES = 2  # of the transport: refused and lost connections, and these statuses
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 8.0


@dataclass(frozen=True)
class _Call:
    """What a caller wants, and until when."""

    messages: Sequence[Message]
    sampling: Sampling
    schema: Mapping[str, Any] | None
    heard: Heard
    deadline: float
    """By the event loop's clock."""

    def is_over_in(self, seconds: float) -> bool:
        """Whether there will be no time left: the last error says more than that."""
        return asyncio.get_running_loop().time() + seconds >= self.deadline


class NotStreamed(Exception):
    """A server that was asked for a stream sent none."""


class OpenAICompatibleChat:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.context_tokens: int | None = None
        """Of messages and answer together, as far as the server has told."""
        self._refused: set[str] = set()
        self._unopened = always_thinks(endpoint.model)

    @property
    def name(self) -> str:
        return self.endpoint.model or f"the model at {self.endpoint.base_url}"

    async def connected(self) -> Self:
        """This chat once the server has said that it has the model; a model left open is filled in.

        The length of its context is asked for as well.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server has other models only.
        """
        rows = await offered_models(self.endpoint)
        offered = [row["id"] for row in rows]
        wanted = self.endpoint.model
        if not wanted and len(offered) == 1:
            chat = type(self)(self.endpoint.model_copy(update={"model": offered[0]}))
        elif wanted in offered or (wanted and not offered):
            chat = self  # some servers keep no list; the first call will tell
        else:
            raise self._unknown(offered)
        row = next((row for row in rows if row["id"] == chat.endpoint.model), {})
        chat.context_tokens = await context_tokens(chat.endpoint, row)
        return chat

    def _unknown(self, offered: Sequence[str]) -> ModelUnknown:
        wanted = self.endpoint.model
        asked = f"no model {wanted!r}" if wanted else "no single model to choose"
        has = ", ".join(map(repr, sorted(offered))) or "none"
        return ModelUnknown(
            f"{self.endpoint.base_url} has {asked}; it has {has}; set --model or CLINALIGN_MODEL"
        )

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        if sampling.thinking is None:
            sampling = sampling.model_copy(update={"thinking": self.endpoint.thinking})
        try:
            async with asyncio.timeout(self.endpoint.longest_wait_seconds) as limit:
                call = _Call(messages, sampling, schema, heard, limit.when() or math.inf)
                return await self._answer(call)
        except TimeoutError as error:
            raise too_slow(self.endpoint) from error

    async def tokens_in(self, messages: Sequence[Message]) -> int | None:
        """How many tokens the messages are, by the model's own tokenizer, if the server counts."""
        return await counted_tokens(self.endpoint, messages)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _answer(self, call: _Call) -> Reply:
        """Ask, and again without what the server refuses to take."""
        streams = call.heard is not unheard
        while True:
            request = request_of(call.messages, call.sampling, call.schema, streams, self._refused)
            try:
                return await self._persist(call, request)
            except NotStreamed:
                streams = False
            except Refusal as error:
                if error.too_long or not (refused := request.refused(error)):
                    raise told_status(error, self.endpoint) from error
                self._refused |= refused

    async def _persist(self, call: _Call, request: Request) -> Reply:
        """Ask, and again after a failure that passes, unless part of the answer has been told."""
        for attempt in range(RETRIES + 1):
            pause = FIRST_PAUSE_SECONDS * 2**attempt
            listener = Listener(call.heard, call.sampling.thinking, self._unopened)
            try:
                reply = await self._ask(request, listener)
                self._unopened |= listener.closed_unopened
                return reply
            except TooMuch as error:
                raise too_much(self.endpoint) from error
            except Refusal as error:
                pause = min(error.wait_seconds or pause, LONGEST_PAUSE_SECONDS)
                passes = error.status in PASSING and not error.too_long
                if not passes or attempt == RETRIES or call.is_over_in(pause):
                    raise
            except ModelUnreachable:
                if listener.has_told or attempt == RETRIES or call.is_over_in(pause):
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _ask(self, request: Request, listener: Listener) -> Reply:
        """Ask once.

        Raises:
            Refusal: the server answered with a status that is no success.
            NotStreamed: it sent no stream.
            TooMuch: it sent more than an answer can be.
            ModelError: it sent no usable reply.
        """
        figures = Figures()
        asked = self._streamed if request.streams else self._whole
        try:
            await asked(request, listener, figures)
            return figures.reply(listener)
        except openai.APIStatusError as error:
            wait = asked_pause(error.response.headers.get("retry-after", ""))
            raise Refusal(error.status_code, str(error), wait) from error
        except openai.OpenAIError as error:
            raise told(error, self.endpoint) from error
        except (httpx2.HTTPError, aiohttp.ClientError) as error:
            raise lost(error, self.endpoint) from error
        except UNREADABLE as error:
            raise unreadable(error, self.endpoint) from error

    async def _whole(self, request: Request, listener: Listener, figures: Figures) -> None:
        # In the extra body: as an argument, the client would refuse a schema reply cut short.
        said = await self._client.ainvoke(
            request.messages, **request.settings, extra_body=request.extras
        )
        take(said, listener, figures)

    async def _streamed(self, request: Request, listener: Listener, figures: Figures) -> None:
        pieces: Any = self._client.astream(
            request.messages,
            **request.settings,
            extra_body=request.extras,
            stream_usage=request.told_usage,
        )
        begun = False
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    begun = True
                    take(piece, listener, figures)
        except (openai.APIStatusError, openai.APIConnectionError):
            raise
        except openai.APIError as error:  # an event of the stream says so
            if listener.has_told:
                raise failed_midway(self.endpoint) from error
            raise Refusal(*error_event(error.body)) from error
        except ValueError as error:
            if begun:
                raise
            raise NotStreamed from error
        if not figures.finish_reason:
            raise broke_off(self.endpoint)

    @cached_property
    def _http(self) -> openai.DefaultAioHttpClient:
        # Our own, for this event loop: the default one is shared by all loops of the process.
        return connections(self.endpoint, self.endpoint.longest_wait_seconds, looks_at=bounded)

    @cached_property
    def _client(self) -> ApartChatOpenAI:
        return ApartChatOpenAI(
            model=self.endpoint.model,
            base_url=self.endpoint.base_url,
            api_key=SecretStr(self.endpoint.api_key),
            use_responses_api=False,
            timeout=self.endpoint.longest_wait_seconds,
            stream_chunk_timeout=None,  # a call has one deadline, here
            max_retries=0,
            http_client=openai.DefaultHttpxClient(verify=trust()),  # or it makes one, slowly
            http_async_client=self._http,
        )
