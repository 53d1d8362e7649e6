"""What langchain-openai and its transport leave out: where thoughts are, and how much is enough."""

import json
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx2
import openai
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

from inference.messages import ToolCall
from inference.server_errors import TooMuch
from inference.thinking import Listener
from inference.wire import Figures, thinks_apart

# A piece of the wrong type would be quoted on stderr, and it may hold part of an answer.
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)

MOST_REPLY_BYTES = 16 * 2**20
"""Of one reply with everything around it; a stream of 30,000 tokens is half as long."""


class ApartChatOpenAI(ChatOpenAI):
    """Marks messages whose thoughts came in a field of their own, which langchain drops.

    The places are those that langchain's own packages for such servers override.
    """

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: dict[str, Any] | None = None,
    ) -> ChatResult:
        said = response if isinstance(response, dict) else response.model_dump(warnings=False)
        if any(_spoil_wrong_arguments(choice["message"]) for choice in said["choices"]):
            response = said
        result = super()._create_chat_result(response, generation_info)
        for generation, choice in zip(result.generations, said["choices"], strict=False):
            if thinks_apart(choice["message"]):
                generation.message.additional_kwargs["thinks_apart"] = True
        return result

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type,
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        choices = chunk.get("choices") or []
        if made and choices and thinks_apart(choices[0].get("delta") or {}):
            made.message.additional_kwargs["thinks_apart"] = True
        return made


def _spoil_wrong_arguments(message: Mapping[str, Any]) -> bool:
    """Make JSON that is no object into no JSON: langchain would refuse the whole reply for it."""
    spoilt = False
    for call in message.get("tool_calls") or []:
        with suppress(ValueError, TypeError):
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                call["function"]["arguments"] = f"no object: {call['function']['arguments']}"
                spoilt = True
    return spoilt


def take(said: AIMessage, listener: Listener, figures: Figures) -> None:
    """A reply, or a piece of one, as langchain gives it."""
    if said.additional_kwargs.get("thinks_apart"):
        listener.think_apart()
    listener.take(said.text)
    usage = said.usage_metadata
    figures.take(said.response_metadata, _as_api(usage) if usage else None)
    if not isinstance(said, AIMessageChunk):
        figures.calls = tuple(_calls(said))


def _calls(said: AIMessage) -> Iterator[ToolCall]:
    for one in (*said.tool_calls, *said.invalid_tool_calls):
        args = one["args"]
        written = args if isinstance(args, str) else json.dumps(args or {})
        yield ToolCall(id=one["id"] or "", name=one["name"] or "", arguments=written)


def _as_api(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The figures by the names of the API."""
    prompt, completion = (usage.get(f"{side}_token_details") or {} for side in ("input", "output"))
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": prompt.get("cache_read")},
        "completion_tokens_details": {"reasoning_tokens": completion.get("reasoning")},
    }


async def bounded(response: httpx2.Response) -> None:
    """Let a reply fail that grows beyond every answer; for the client's event hooks."""
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for part in self._stream:
            seen += len(part)
            if seen > MOST_REPLY_BYTES:
                raise TooMuch
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
