import pytest

from inference.chat import Reply
from inference.errors import ModelError, ModelUnreachable
from inference.ledger import Ledger, Metered
from inference.messages import Message
from inference.scripted import ScriptedChat

ASKED = [Message(role="user", content="x")]


async def test_calls_tokens_and_failures_are_counted_by_role() -> None:
    reply = Reply(text="x", prompt_tokens=10, cached_tokens=4, completion_tokens=2)
    ledger = Ledger()
    chat = Metered(ScriptedChat([reply, reply, ModelUnreachable("gone")]), ledger, "judge")

    for _ in range(2):
        await chat.complete(ASKED)
    with pytest.raises(ModelError):
        await chat.complete(ASKED)

    spent = ledger.of("judge")
    assert (spent.calls, spent.failed) == (3, 1)
    assert (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens) == (20, 8, 4)
    assert spent.seconds >= 0
    assert ledger.of("policy").calls == 0
    assert set(ledger.as_data()) == {"judge"}


async def test_what_is_heard_goes_through() -> None:
    pieces: list[str] = []

    reply = await Metered(ScriptedChat(["Call now."]), Ledger(), "policy").complete(
        ASKED, heard=pieces.append
    )

    assert pieces == [reply.text]
