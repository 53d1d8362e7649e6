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
    thinking: bool | None = None
    """Whether a model that can think first shall; None leaves it to the server."""
    likeliest: int = Field(default=0, ge=0, le=20)
    """How many of the likeliest first tokens are wanted with their chances."""


class Reply(Word):
    text: str
    truncated: bool = False
    """The model stopped because its token limit was reached."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the server had read before, where it says so."""
    first_token: dict[str, float] = Field(default={})
    """The chance, 0 to 1, of each of the likeliest first tokens, if they were asked for."""


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
