"""Conversations that do not fit: what is left out, what is not, and what is said about it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.chat import Heard, Reply, Sampling, unheard
from inference.context import FLOOR_TOKENS, KEPT_NOTES, Fitting, TooLong, trimmed
from inference.endpoint import Endpoint
from inference.errors import ModelError
from inference.messages import Message
from inference.scripted import ScriptedChat
from inference.server_errors import ContextExceeded, Refusal, told_status
from tests.fake_server import completion, serving
from tests.inference.conftest import Chat

SYSTEM = Message(role="system", content="s" * 10)
QUESTION = Message(role="user", content="q" * 10)
WHERE = Endpoint(base_url="http://x/v1", model="m")


def turn(number: int) -> list[Message]:
    return [
        Message(role="user", content=f"{number}" * 10),
        Message(role="assistant", content=f"{number}" * 10),
    ]


def talk(turns: int) -> list[Message]:
    """Instructions, so many turns of 20 tokens, and a question."""
    return [SYSTEM, *(one for number in range(turns) for one in turn(number)), QUESTION]


async def characters(messages: Sequence[Message]) -> int:
    return sum(len(one.content) for one in messages)


async def test_what_fits_stays_as_it_is() -> None:
    kept = await trimmed(talk(3), 80, characters)

    assert list(kept.messages) == talk(3)
    assert (kept.dropped_turns, kept.note) == (0, "")


@pytest.mark.parametrize(("room", "dropped"), [(79, 1), (60, 1), (59, 2), (40, 2), (20, 3)])
async def test_oldest_turns_go_whole_and_only_as_many_as_must(room: int, dropped: int) -> None:
    kept = await trimmed(talk(3), room, characters)

    assert list(kept.messages) == [SYSTEM, *talk(3)[1 + 2 * dropped :]]
    assert kept.dropped_turns == dropped
    assert f"{dropped} earlier turn" in kept.note


async def test_what_must_stay_and_does_not_fit_is_an_error_with_lengths_and_way_out() -> None:
    with pytest.raises(TooLong) as told:
        await trimmed(talk(3), 19, characters)

    assert "about 20 tokens" in str(told.value)
    assert "has room for 19" in str(told.value)
    assert "--max-model-len" in str(told.value)


async def test_a_count_that_may_be_too_high_refuses_nothing_the_server_may_take() -> None:
    kept = await trimmed(talk(3), 10, characters, excess=2.0)

    assert list(kept.messages) == [SYSTEM, QUESTION]


@given(
    roles=st.lists(st.sampled_from(["system", "user", "assistant"]), max_size=12),
    lengths=st.lists(st.integers(0, 30), min_size=13, max_size=13),
    room=st.integers(0, 300),
)
def test_instructions_and_the_last_turn_stay_and_the_rest_is_an_end_of_the_talk(
    roles: list[str], lengths: list[int], room: int
) -> None:
    messages = [
        Message.model_validate({"role": role, "content": "x" * length})
        for role, length in zip([*roles, "user"], lengths, strict=False)
    ]
    said = [one for one in messages if one.role != "system"]
    try:
        kept = asyncio.run(trimmed(messages, room, characters))
    except TooLong:
        least = [one for one in messages if one.role == "system" or one is messages[-1]]
        assert sum(len(one.content) for one in least) > room
        return

    left = [one for one in kept.messages if one.role != "system"]
    assert [one for one in kept.messages if one.role == "system"] == [
        one for one in messages if one.role == "system"
    ]
    assert left == said[len(said) - len(left) :]
    assert left[-1] is messages[-1]
    assert not kept.dropped_turns or left[0].role == "user"
    assert sum(len(one.content) for one in kept.messages) <= room


class Counting(ScriptedChat):
    """A fake with a context, which counts characters as tokens if it counts."""

    def __init__(
        self,
        replies: Sequence[str | Reply | ModelError],
        context_tokens: int | None,
        counts: bool = True,
    ) -> None:
        super().__init__(replies)
        self.context_tokens, self._counts = context_tokens, counts
        self.samplings: list[Sampling] = []

    async def tokens_in(self, messages: Sequence[Message]) -> int | None:
        return await characters(messages) if self._counts else None

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        self.samplings.append(sampling)
        return await super().complete(messages, sampling, schema, heard)


def refusal(said: str, status: int = 400) -> ModelError:
    return told_status(Refusal(status, said), WHERE)


def exceeded(limit: int, sent: int) -> ModelError:
    return refusal(f"maximum context length is {limit} tokens, you sent ({sent} in the messages)")


async def test_a_conversation_that_fits_is_passed_on_as_it_is() -> None:
    chat = Counting(["Hello."], context_tokens=100_000)

    reply = await Fitting(chat).complete(talk(3), Sampling(max_tokens=2048))

    assert reply == Reply(text="Hello.")
    assert chat.asked == [tuple(talk(3))]
    assert chat.samplings[0].max_tokens == 2048


async def test_a_context_nobody_knows_changes_nothing() -> None:
    chat = Counting(["Hello."], context_tokens=None)

    await Fitting(chat).complete(talk(50), Sampling(max_tokens=2048))

    assert chat.asked == [tuple(talk(50))]


async def test_fewer_tokens_are_asked_for_before_a_turn_is_left_out() -> None:
    chat = Counting(["Hello."], context_tokens=1000)

    reply = await Fitting(chat).complete(talk(3), Sampling(max_tokens=2048))

    assert chat.asked == [tuple(talk(3))]
    assert chat.samplings[0].max_tokens == 1000 - 16 - 80
    assert reply.note == ""


async def test_an_answer_that_met_the_end_of_the_context_says_so() -> None:
    chat = Counting([Reply(text="Call", truncated=True)], context_tokens=1000)

    reply = await Fitting(chat).complete(talk(3), Sampling(max_tokens=2048))

    assert reply.truncated
    assert reply.note == "the answer was cut where the model's context ended"


async def test_turns_are_left_out_for_the_answer_and_it_is_said() -> None:
    chat = Counting(["Hello."], context_tokens=100)
    fitting = Fitting(chat)

    reply = await fitting.complete(talk(5), Sampling(max_tokens=2048))

    (asked,), (sampling,) = chat.asked, chat.samplings
    assert asked == (SYSTEM, *talk(5)[1 + 2 * 4 :])  # 20 and 20, beside 25 for the answer and 16
    assert await characters(asked) + sampling.max_tokens + 16 == 100
    assert reply.note == "4 earlier turns were left out to fit the model's context"
    assert list(fitting.notes) == [reply.note]


async def test_notes_do_not_pile_up() -> None:
    fitting = Fitting(Counting(["Hello."] * (KEPT_NOTES + 5), context_tokens=100))

    for _ in range(KEPT_NOTES + 5):
        await fitting.complete(talk(5))

    assert len(fitting.notes) == KEPT_NOTES


async def test_an_answer_keeps_its_floor() -> None:
    chat = Counting(["Hello."], context_tokens=4096)
    long = [SYSTEM, *turn(1), Message(role="user", content="q" * 3500)]

    await Fitting(chat).complete(long, Sampling(max_tokens=2048))

    assert len(chat.asked[0]) == 4
    assert chat.samplings[0].max_tokens == 4096 - 16 - 3530 >= FLOOR_TOKENS


async def test_a_question_longer_than_the_context_is_not_sent() -> None:
    chat = Counting(["Hello."], context_tokens=4096)

    with pytest.raises(TooLong, match=r"about 5,010 tokens.*room for 3,568"):
        await Fitting(chat).complete([SYSTEM, Message(role="user", content="q" * 5000)])

    assert chat.asked == []


async def test_an_estimate_alone_lets_the_server_decide_in_doubt() -> None:
    chat = Counting(["Hello."], context_tokens=4096, counts=False)
    doubtful = [Message(role="user", content="q " * 7_000)]  # estimated at 4,900 tokens

    await Fitting(chat).complete(doubtful, Sampling(max_tokens=600))

    assert chat.samplings[0].max_tokens == FLOOR_TOKENS


WORDINGS = {
    "vLLM": "This model's maximum context length is 4096 tokens. However, your prompt contains 5000"
    " input tokens, which exceeds this limit even without any output tokens.",
    "vLLM, longer than it counts": "This model's maximum context length is 4096 tokens. However,"
    " your prompt contains at least 4097 input tokens, which exceeds this limit",
    "vLLM before": "This model's maximum context length is 4096 tokens. However, you requested"
    " 5512 tokens (5000 in the messages, 512 in the completion).",
    "vLLM, both": "Input length (5000) exceeds model's maximum context length (4096).",
    "vLLM, engine": "The decoder prompt (length 5000) is longer than the maximum model length of"
    " 4096. Make sure that `max_model_len` is no smaller",
    "vLLM, answer": "max_completion_tokens=5000 cannot be greater than max_model_len=4096. Please"
    " request fewer output tokens. (parameter=max_completion_tokens, value=5000)",
    "llama.cpp": '{"error":{"code":400,"message":"the request exceeds the available context size.'
    ' try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}',
    "llama.cpp, words": "request (5000 tokens) exceeds the available context size (4096 tokens)",
    "llama-cpp-python": "Requested tokens (5000) exceed context window of 4096",
    "LM Studio": "The number of tokens to keep from the initial prompt is greater than the context"
    " length (n_keep: 5000>= n_ctx: 4096). Try to load the model with a larger context length",
    "LM Studio before": "Trying to keep the first 5000 tokens when context the overflows. However,"
    " the model is loaded with context length of only 4096 tokens, which is not enough.",
}

WITHOUT_COUNT = ("vLLM, longer than it counts", "vLLM, answer")


@pytest.mark.parametrize("name", WORDINGS)
def test_a_refusal_for_length_is_understood_and_not_quoted(name: str) -> None:
    told = refusal(WORDINGS[name])

    assert isinstance(told, ContextExceeded)
    assert told.limit_tokens == 4096
    assert told.sent_tokens == (None if name in WITHOUT_COUNT else 5000)
    assert str(told) == (
        "http://x/v1 answered HTTP 400: the messages, with the answer asked for, are longer than"
        " the model's context of 4,096 tokens; shorten them, or serve the model with a longer"
        " context"
    )


@pytest.mark.parametrize("said", ["SECRET", "the answer lacks context", "invalid request"])
def test_another_refusal_is_not_taken_for_one_of_length(said: str) -> None:
    assert not isinstance(refusal(said), ContextExceeded)


@pytest.mark.parametrize("counts", [True, False])
async def test_a_server_that_refuses_is_asked_once_more_with_fewer_turns(counts: bool) -> None:
    told = exceeded(limit=100, sent=120)
    chat = Counting([told, "Hello."], context_tokens=None, counts=counts)
    fitting = Fitting(chat)

    reply = await fitting.complete(talk(5), Sampling(max_tokens=10))

    assert len(chat.asked) == 2
    assert len(chat.asked[1]) < len(chat.asked[0])
    assert (chat.asked[1][0], chat.asked[1][-1]) == (SYSTEM, QUESTION)
    assert "left out" in reply.note
    assert fitting.context_tokens == 100


async def test_an_answer_asked_too_long_is_asked_shorter_with_all_turns() -> None:
    told = exceeded(limit=1000, sent=80)
    chat = Counting([told, "Hello."], context_tokens=None)

    await Fitting(chat).complete(talk(3), Sampling(max_tokens=2048))

    assert chat.asked == [tuple(talk(3))] * 2
    assert [one.max_tokens for one in chat.samplings] == [2048, 1000 - 16 - 80]


async def test_a_refusal_without_figures_leaves_what_is_surely_needed() -> None:
    chat = Counting([refusal("context window exceeded"), "Hello."], context_tokens=None)

    reply = await Fitting(chat).complete(talk(5))

    assert chat.asked[1] == (SYSTEM, QUESTION)
    assert reply.note.startswith("5 earlier turns")


async def test_there_is_one_second_try_and_none_that_would_be_the_same() -> None:
    told = refusal("context window exceeded")
    twice, alone = Counting([told, told], None), Counting([told], None)

    with pytest.raises(ContextExceeded):
        await Fitting(twice).complete(talk(5))
    with pytest.raises(ContextExceeded):
        await Fitting(alone).complete([SYSTEM, QUESTION])

    assert (len(twice.asked), len(alone.asked)) == (2, 1)


async def test_a_served_chat_is_fitted_by_what_its_server_told(chat: Chat) -> None:
    cut = completion("Call", finish_reason="length")
    with serving((200, cut), models=[{"id": "m", "max_model_len": 100}]) as fake:
        fake.pages = {
            "/tokenize": lambda asked: {
                "count": sum(len(one["content"]) for one in asked["messages"])
            }
        }
        reply = await Fitting(await chat(fake, "m").connected()).complete(talk(5))

    assert len(fake.asked[0]["messages"]) == 4
    assert (reply.text, reply.truncated) == ("Call", True)
    assert reply.note.startswith("4 earlier turns were left out")
