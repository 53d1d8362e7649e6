"""A conversation, as chat models and benchmarks write it down."""

from typing import Literal, Self

from pydantic import model_validator

from inference.words import Word

MOST_CHARACTERS = 100_000
"""Of a whole conversation: about 25,000 tokens, more than local models are usually served with."""


EARLIER_CHARACTERS = 500
CONTEXT_CHARACTERS = 1200  # about what the embedder can take in


class Message(Word):
    role: Literal["system", "user", "assistant"]
    content: str


class ToolCall(Word):
    """A tool that a model wants to be called."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, which may be none."""


class Calling(Message):
    """A model's turn that asks for tools."""

    role: Literal["assistant"] = "assistant"
    calls: tuple[ToolCall, ...]


class ToolResult(Message):
    """What a tool said. Counts as the user's turn; servers are told whose it is."""

    role: Literal["user"] = "user"
    call_id: str


class Conversation(Word):
    """The messages up to and with the user's turn that wants an answer: the question."""

    messages: tuple[Message, ...]

    @model_validator(mode="after")
    def _holds_a_question(self) -> Self:
        if not self.messages or self.messages[-1].role != "user":
            raise ValueError("messages whose last one is the user's")
        if not self.question.strip():
            raise ValueError("a question that is not empty")
        length = sum(len(message.content) for message in self.messages)
        if length > MOST_CHARACTERS:
            raise ValueError(f"at most {MOST_CHARACTERS:,} characters, got {length:,}; shorten it")
        return self

    @property
    def question(self) -> str:
        """The last user turn."""
        return self.messages[-1].content

    @property
    def recent(self) -> str:
        """The last user turn and the beginning of the one before it, for "and what about her?"."""
        turns = [message.content for message in self.messages if message.role == "user"]
        return "\n".join([turns[-1], *(turn[:EARLIER_CHARACTERS] for turn in turns[-2:-1])])

    @property
    def context(self) -> str:
        """The end of the whole conversation, both sides; of a single turn, the turn."""
        whole = self.as_text() if len(self.messages) > 1 else self.question
        return whole[-CONTEXT_CHARACTERS:]

    @classmethod
    def of(cls, question: str, earlier: tuple[Message, ...] = ()) -> Self:
        return cls(messages=(*earlier, Message(role="user", content=question)))

    def as_text(self) -> str:
        """Each message as `role: content`, a blank line between: HealthBench's form."""
        return "\n\n".join(f"{message.role}: {message.content}" for message in self.messages)
