"""Fits a conversation into the model's context: oldest turns go first, and always whole.

Instructions and the last turn are never touched. What does not fit even so is an error, not a cut.
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from inference.chat import ChatModel, Heard, Reply, Sampling, unheard
from inference.errors import ModelError
from inference.messages import Message
from inference.server_errors import ContextExceeded
from inference.tokens import HIGHEST_RATIO, estimated_prompt
from inference.words import Word

FLOOR_TOKENS = 512
"""What an answer is left at least, before turns are dropped for it."""
SPARE_TOKENS = 16  # a template may write differently for a call than for a count
CERTAINTY = 2.0  # by how much an estimate must fit for nobody to count
KEPT_NOTES = 100

Count = Callable[[Sequence[Message]], Awaitable[int]]
"""How many tokens the prompt has that a server makes of the messages."""


class TooLong(ModelError):
    """The instructions and the last turn alone do not fit into the model's context."""


class Trimmed(Word):
    messages: tuple[Message, ...]
    tokens: int
    """Of the messages, as far as they could be counted."""
    dropped_turns: int = 0

    @property
    def note(self) -> str:
        """What was left out; empty: nothing."""
        if not self.dropped_turns:
            return ""
        turns = "turn was" if self.dropped_turns == 1 else "turns were"
        return f"{self.dropped_turns} earlier {turns} left out to fit the model's context"


class Served(ChatModel, Protocol):
    """A chat model behind a server that may tell what fits."""

    context_tokens: int | None

    async def tokens_in(self, messages: Sequence[Message]) -> int | None:
        """How many tokens the messages are, if the server counts."""


async def trimmed(
    messages: Sequence[Message], room_tokens: int, count: Count, excess: float = 1.0
) -> Trimmed:
    """The messages without as many of their oldest turns as it takes to fit.

    Args:
        messages: the conversation with its instructions.
        room_tokens: what they may come to.
        count: counts them.
        excess: by what factor the count may be too high; within it, instructions and the last
            turn are let through, since the server may take them.

    Raises:
        TooLong: the instructions and the last turn alone do not fit.
    """

    async def without(dropped: int) -> Trimmed:
        kept = _without(messages, turns[:dropped])
        return Trimmed(messages=kept, tokens=await count(kept), dropped_turns=dropped)

    turns = _turns(messages)
    if (whole := await without(0)).tokens <= room_tokens:
        return whole
    few, many = 1, max(0, len(turns) - 1)
    fitting = await without(many)
    if fitting.tokens > room_tokens * excess:
        raise _too_long(fitting.tokens, room_tokens)
    while few < many:
        middle = (few + many) // 2
        tried = await without(middle)
        if tried.tokens <= room_tokens:
            fitting, many = tried, middle
        else:
            few = middle + 1
    return fitting


class Fitting:
    """A chat model that is asked no more than its server can take in.

    Fewer tokens are asked for first, down to a floor, then the oldest turns are left out; the
    reply's note says so. A server that refuses even so is asked once more, with what it told.

    Args:
        chat: the model behind.
        floor_tokens: what an answer is left at least; less where the context is very short.
    """

    def __init__(self, chat: Served, floor_tokens: int = FLOOR_TOKENS) -> None:
        self._chat, self._floor_tokens = chat, floor_tokens
        self._told_limit: int | None = None
        self.notes: deque[str] = deque(maxlen=KEPT_NOTES)
        """What was left out lately."""

    @property
    def name(self) -> str:
        return self._chat.name

    @property
    def context_tokens(self) -> int | None:
        return self._told_limit or self._chat.context_tokens

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        limit, asked = self.context_tokens, sampling
        fit = Trimmed(messages=tuple(messages), tokens=estimated_prompt(messages))
        if limit and CERTAINTY * fit.tokens + sampling.max_tokens > limit:
            fit, asked = await self._fit(messages, sampling, limit)
        try:
            reply = await self._chat.complete(fit.messages, asked, schema, heard)
        except ContextExceeded as error:
            shorter, less = await self._fit_again(fit, sampling, error)
            if (shorter.messages, less) == (fit.messages, asked):
                raise
            dropped = fit.dropped_turns + shorter.dropped_turns
            fit, asked = shorter.model_copy(update={"dropped_turns": dropped}), less
            reply = await self._chat.complete(fit.messages, asked, schema, heard)
        return self._noted(reply, fit, lowered=asked.max_tokens < sampling.max_tokens)

    async def _fit(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        limit: int,
        ratio: float | None = None,
    ) -> tuple[Trimmed, Sampling]:
        """Messages and length of answer that fit together.

        Args:
            messages: the conversation.
            sampling: with the length that is wanted.
            limit: the context; unit: tokens.
            ratio: true tokens by estimated ones, where a server told; else it is asked to count.
        """
        counts = ratio is None and await self._chat.tokens_in(messages) is not None

        async def count(some: Sequence[Message]) -> int:
            if counts and (exact := await self._chat.tokens_in(some)):
                return exact
            return math.ceil(estimated_prompt(some) * (ratio or 1.0))

        floor = max(1, min(sampling.max_tokens, self._floor_tokens, limit // 4))
        room = max(0, limit - SPARE_TOKENS - floor)
        excess = 1.0 if counts or ratio else HIGHEST_RATIO
        fit = await trimmed(messages, room, count, excess)
        left = max(floor, limit - SPARE_TOKENS - fit.tokens)
        most = min(sampling.max_tokens, left)
        return fit, sampling.model_copy(update={"max_tokens": most})

    async def _fit_again(
        self, fit: Trimmed, sampling: Sampling, error: ContextExceeded
    ) -> tuple[Trimmed, Sampling]:
        """What fits by what the server told when it refused."""
        self._told_limit = error.limit_tokens or self._told_limit
        limit, estimate = self.context_tokens, estimated_prompt(fit.messages)
        if not limit:  # nobody knows: what is surely needed, and no more
            turns = _turns(fit.messages)[:-1]
            kept = _without(fit.messages, turns)
            return Trimmed(messages=kept, tokens=0, dropped_turns=len(turns)), sampling
        if await self._chat.tokens_in(fit.messages) is not None:
            return await self._fit(fit.messages, sampling, limit)
        # Without a figure, what was refused is taken to fill the whole context.
        sent = error.sent_tokens or max(limit, estimate)
        return await self._fit(fit.messages, sampling, limit, sent / estimate)

    def _noted(self, reply: Reply, fit: Trimmed, lowered: bool) -> Reply:
        notes = [fit.note] if fit.note else []
        if lowered and reply.truncated:
            notes.append("the answer was cut where the model's context ended")
        if not notes:
            return reply
        self.notes.append("; ".join(notes))
        return reply.model_copy(update={"note": self.notes[-1]})


def _without(messages: Sequence[Message], turns: Sequence[list[int]]) -> tuple[Message, ...]:
    gone = {place for turn in turns for place in turn}
    return tuple(one for place, one in enumerate(messages) if place not in gone)


def _turns(messages: Sequence[Message]) -> list[list[int]]:
    """The places of each turn: a user's message and what follows it; instructions are no turn."""
    turns: list[list[int]] = []
    for place, message in enumerate(messages):
        if message.role == "system":
            continue
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(place)
    return turns


def _too_long(tokens: int, room_tokens: int) -> TooLong:
    return TooLong(
        f"the instructions and the last message are about {tokens:,} tokens, and the model's"
        f" context has room for {room_tokens:,}; shorten the message, or serve the model with a"
        " longer context (vLLM: --max-model-len, llama.cpp: --ctx-size, Ollama:"
        " OLLAMA_CONTEXT_LENGTH, LM Studio: when it loads the model)"
    )
