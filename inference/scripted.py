"""A fake chat model that says what it was told to say. Part of the product, for tests."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference.chat import Heard, Reply, Sampling, unheard
from inference.errors import ModelError
from inference.messages import Message


class ScriptedChat:
    """Gives queued replies in order, raises queued errors, and remembers what was asked."""

    name = "scripted (a fake)"

    def __init__(self, replies: Iterable[str | Reply | ModelError]) -> None:
        self._replies = deque(replies)
        self.asked: list[tuple[Message, ...]] = []
        self.schemas: list[Mapping[str, Any] | None] = []

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        self.asked.append(tuple(messages))
        self.schemas.append(schema)
        if not self._replies:
            raise ModelError(f"the script is over: call {len(self.asked)} has no reply")
        match self._replies.popleft():
            case str() as text:
                heard(text)
                return Reply(text=text)
            case Reply() as reply:
                heard(reply.text)
                return reply
            case ModelError() as error:
                raise error
