"""What is sent to an OpenAI-compatible server, and what its figures mean."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.chat import Reply, Sampling
from inference.messages import Calling, Message, ToolCall, ToolResult
from inference.server_errors import Refusal
from inference.thinking import Listener

_SIGNS = {
    "response_format": ("response_format", "schema"),
    "chat_template_kwargs": ("chat_template_kwargs", "enable_thinking"),
    "stream_options": ("stream_options", "include_usage"),
    "stream": ("stream",),
}
"""Name of what not every server takes -> how a refusal names it."""


@dataclass(frozen=True)
class Request:
    messages: list[dict[str, Any]]
    """As the API writes them."""
    settings: dict[str, Any]
    extras: dict[str, Any]
    """What not every server takes: a schema for the reply, thinking switched on or off."""
    streams: bool
    told_usage: bool
    """A stream shall end with what it cost."""

    def body(self, model: str) -> bytes:
        """The request as the API writes it down."""
        body = {"model": model, "messages": self.messages, **self.settings, **self.extras}
        if self.streams:
            body |= {"stream": True}
            body |= {"stream_options": {"include_usage": True}} if self.told_usage else {}
        return json.dumps(body).encode()

    def refused(self, error: Refusal) -> set[str]:
        """What of the request the server names in its refusal, if it can do without."""
        if error.status not in (400, 422, 501):
            return set()
        offered = {*self.extras, *(["stream"] if self.streams else [])}
        offered |= {"stream_options"} if self.streams and self.told_usage else set()
        named = {one for one in offered if any(sign in error.said for sign in _SIGNS[one])}
        return named - {"stream"} if "stream_options" in named else named


def request_of(
    messages: Sequence[Message],
    sampling: Sampling,
    schema: Mapping[str, Any] | None,
    streams: bool,
    without: set[str],
) -> Request:
    """The request for a server that takes everything but what is named in `without`."""
    settings = sampling.model_dump(exclude_none=True, include={"temperature", "max_tokens", "seed"})
    if sampling.likeliest:
        settings |= {"logprobs": True, "top_logprobs": sampling.likeliest}
    if sampling.tools:
        settings["tools"] = [
            {"type": "function", "function": one.model_dump()} for one in sampling.tools
        ]
    extras: dict[str, Any] = {}
    if schema is not None:
        wanted = {"name": "reply", "schema": dict(schema), "strict": True}
        extras["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if sampling.thinking is not None:
        extras["chat_template_kwargs"] = {"enable_thinking": sampling.thinking}
    return Request(
        messages=[_sent(one) for one in messages],
        settings=settings,
        extras={name: what for name, what in extras.items() if name not in without},
        streams=streams and "stream" not in without and not sampling.tools,
        told_usage="stream_options" not in without,
    )


def _sent(message: Message) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": _sendable(message.content)}
    if isinstance(message, ToolResult):
        sent |= {"role": "tool", "tool_call_id": message.call_id}
    if isinstance(message, Calling):
        sent["tool_calls"] = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.name, "arguments": one.arguments},
            }
            for one in message.calls
        ]
    return sent


def _sendable(text: str) -> str:
    """Half a character, as cut texts have, becomes the sign for that: no server takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass
class Figures:
    """What comes beside the text of a reply, in one piece or in many."""

    finish_reason: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)
    """By the names of `Reply`."""
    first_token: dict[str, float] = field(default_factory=dict)
    calls: tuple[ToolCall, ...] = ()

    def take(self, choice: Mapping[str, Any], usage: Mapping[str, Any] | None) -> None:
        """Read a choice, or a piece of one, and what the reply cost."""
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.first_token = self.first_token or first_token(choice.get("logprobs"))
        if usage:
            prompt = usage.get("prompt_tokens_details") or {}
            completion = usage.get("completion_tokens_details") or {}
            self.tokens = {
                "prompt_tokens": usage.get("prompt_tokens") or 0,
                "completion_tokens": usage.get("completion_tokens") or 0,
                "cached_tokens": prompt.get("cached_tokens") or 0,
                "thinking_tokens": completion.get("reasoning_tokens") or 0,
            }

    def reply(self, listener: Listener) -> Reply:
        """The whole reply, when all of it has been taken."""
        cut = self.finish_reason == "length"
        text = listener.finish(cut)
        truncated = cut or listener.cut_thinking
        return Reply(
            text=text,
            truncated=truncated,
            first_token=self.first_token,
            calls=self.calls,
            **self.tokens,
        )


def first_token(logprobs: Mapping[str, Any] | None) -> dict[str, float]:
    """The chances of the likeliest first tokens, from the API's `logprobs`."""
    content = (logprobs or {}).get("content") or []
    likeliest = content[0].get("top_logprobs") or [] if content else []
    return {one["token"]: math.exp(one["logprob"]) for one in likeliest}


def thinks_apart(message: Mapping[str, Any]) -> bool:
    """Whether a message, or a piece of one, has its thoughts in a field of their own."""
    return any(message.get(name) for name in ("reasoning_content", "reasoning"))


def error_event(said: Any) -> tuple[int, str]:
    """Status and words of an error that comes as part of a stream."""
    code = said.get("code") if isinstance(said, Mapping) else None
    refusal = Refusal(400, str(said))
    if isinstance(code, int) and 400 <= code < 600:
        return code, refusal.said
    return 400 if refusal.too_long else 500, refusal.said
