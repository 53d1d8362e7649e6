"""The port to a chat model: messages in, one reply out, heard piece by piece if so wanted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pydantic import Field

from inference.messages import Message, ToolCall
from inference.words import Word

Heard = Callable[[str], None]
"""Is told each piece of an answer's text as it comes."""


def unheard(piece: str) -> None:
    """Nobody listens."""


class Tool(Word):
    """What a model may ask to have called."""

    name: str
    description: str
    parameters: dict[str, Any]
    """Their JSON schema."""


class Sampling(Word):
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=1024, gt=0)
    seed: int | None = None
    thinking: bool | None = None
    """Whether a model that can think first shall; None leaves it to the endpoint, or the server."""
    likeliest: int = Field(default=0, ge=0, le=20)
    """How many of the likeliest first tokens are wanted with their chances."""
    tools: tuple[Tool, ...] = ()
    """That the model may ask for instead of answering; such a reply is not streamed."""


class Reply(Word):
    text: str
    """The answer alone; what the model thought before it is not kept."""
    truncated: bool = False
    """The answer is not whole: the model ran into its token limit, or never stopped thinking."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int = 0
    """Completion tokens that went into thinking, where the server says so."""
    cached_tokens: int = 0
    """Prompt tokens that the server had read before, where it says so."""
    first_token: dict[str, float] = Field(default={})
    """The chance, 0 to 1, of each of the likeliest first tokens, if they were asked for."""
    calls: tuple[ToolCall, ...] = ()
    """The tools that the model wants called before it answers."""
    note: str = ""
    """What was done to the messages so that they fit; empty: nothing."""


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
        heard: Heard = unheard,
    ) -> Reply:
        """Answer the messages; with a JSON `schema`, in that shape where the server can.

        Args:
            messages: the conversation with its instructions.
            sampling: how to answer.
            schema: of a reply in JSON.
            heard: is told the text of the reply as it comes, never what the model thinks. The
                pieces joined are the text; a model that cannot stream tells it all at once.

        Raises:
            ModelError: no usable reply could be had. What was told until then is not an answer.
        """
