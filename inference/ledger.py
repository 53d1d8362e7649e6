"""Counts what the calls to models cost, by role."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from inference.chat import ChatModel, Heard, Reply, Sampling, unheard
from inference.errors import ModelError
from inference.messages import Message
from inference.words import Word


class Spent(Word):
    """What one role's calls cost so far."""

    calls: int = 0
    failed: int = 0
    """Calls among them that brought no reply."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens among them that the server had read before, where it says so."""
    completion_tokens: int = 0
    seconds: float = 0.0
    """The calls' waiting times added up; calls in flight together count each."""


class Ledger:
    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}

    def add(self, role: str, reply: Reply | None, seconds: float) -> None:
        """Enter one call; without a reply, one that failed."""
        spent, reply_or_none = self.of(role), reply or Reply(text="")
        self._spent[role] = Spent(
            calls=spent.calls + 1,
            failed=spent.failed + (reply is None),
            prompt_tokens=spent.prompt_tokens + reply_or_none.prompt_tokens,
            cached_tokens=spent.cached_tokens + reply_or_none.cached_tokens,
            completion_tokens=spent.completion_tokens + reply_or_none.completion_tokens,
            seconds=spent.seconds + seconds,
        )

    def of(self, role: str) -> Spent:
        return self._spent.get(role, Spent())

    def as_data(self) -> dict[str, dict[str, Any]]:
        return {role: spent.model_dump() for role, spent in self._spent.items()}


class Metered:
    """A chat model whose calls are entered into a ledger."""

    def __init__(self, chat: ChatModel, ledger: Ledger, role: str) -> None:
        self._chat, self._ledger, self._role = chat, ledger, role

    @property
    def name(self) -> str:
        return self._chat.name

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        began = time.monotonic()
        try:
            reply = await self._chat.complete(messages, sampling, schema, heard)
        except ModelError:
            self._ledger.add(self._role, None, time.monotonic() - began)
            raise
        self._ledger.add(self._role, reply, time.monotonic() - began)
        return reply
