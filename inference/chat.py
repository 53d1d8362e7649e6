"""The port to a chat model: messages in, one reply out."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import Field

from inference.messages import Message
from inference.words import Word


class Sampling(Word):
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=1024, gt=0)
    seed: int | None = None


class Reply(Word):
    text: str
    truncated: bool = False
    """The model stopped because its token limit was reached."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ChatModel(Protocol):
    """Whatever answers messages: a model server, the composer, a script."""

    @property
    def name(self) -> str:
        """How results name it to people."""

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Answer the messages; with a JSON `schema`, in that shape where the server can.

        Raises:
            ModelError: no usable reply could be had.
        """
