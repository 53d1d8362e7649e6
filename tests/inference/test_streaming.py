"""Answers as they come, by both adapters: whole, thought about, refused, broken off."""

from typing import Any

import pytest

from inference.chat import Reply, Sampling
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Message
from inference.server_errors import ContextExceeded
from tests.fake_server import Events, completion, delta, serving
from tests.inference.conftest import Chat

ASKED = [Message(role="user", content="My father has chest pain.")]
ANSWER = "Call 112 now. Sit him down."


async def test_pieces_are_told_as_they_come_and_are_the_reply(chat: Chat) -> None:
    pieces: list[str] = []
    with serving(ANSWER) as fake:
        reply = await chat(fake).complete(ASKED, heard=pieces.append)

    assert reply == Reply(text=ANSWER, prompt_tokens=7, completion_tokens=3)
    assert len(pieces) > 3
    assert "".join(pieces) == ANSWER
    assert fake.asked[0]["stream"] is True


async def test_nothing_is_streamed_when_nobody_listens(chat: Chat) -> None:
    with serving(ANSWER) as fake:
        await chat(fake).complete(ASKED)

    assert not fake.asked[0].get("stream")


async def test_figures_of_a_stream_are_those_of_a_whole_reply(chat: Chat) -> None:
    said = completion("YES", finish_reason="length")
    said["choices"][0]["logprobs"] = {
        "content": [
            {"token": "YES", "logprob": 0.0, "top_logprobs": [{"token": "YES", "logprob": 0.0}]}
        ]
    }
    said["usage"] |= {
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    sampling = Sampling(max_tokens=1, likeliest=1)
    with serving((200, said)) as fake:
        whole = await chat(fake).complete(ASKED, sampling)
        streamed = await chat(fake).complete(ASKED, sampling, heard=lambda _: None)

    assert streamed == whole
    assert whole.truncated
    assert (whole.cached_tokens, whole.thinking_tokens) == (5, 2)
    assert whole.first_token == {"YES": 1.0}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("thinking", [True, False, None])
async def test_thoughts_in_a_field_of_their_own_are_not_the_answer(
    chat: Chat, field: str, thinking: bool | None
) -> None:
    pieces: list[str] = []
    said = completion(ANSWER, **{field: "SECRET thoughts"})
    with serving((200, said)) as fake:
        made, sampling = chat(fake), Sampling(thinking=thinking)
        whole = await made.complete(ASKED, sampling)
        streamed = await made.complete(ASKED, sampling, heard=pieces.append)

    assert whole.text == streamed.text == "".join(pieces) == ANSWER
    assert len(pieces) > 3  # it was not held back


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        (f"<think>\nSECRET thoughts\n</think>\n\n{ANSWER}", None),
        (f"\n<think></think>{ANSWER}", None),
        (f"SECRET thoughts\n</think>\n\n{ANSWER}", True),
    ],
)
async def test_thoughts_in_the_text_are_not_the_answer(
    chat: Chat, text: str, thinking: bool | None
) -> None:
    pieces: list[str] = []
    with serving(text) as fake:
        made, sampling = chat(fake), Sampling(thinking=thinking)
        whole = await made.complete(ASKED, sampling)
        streamed = await made.complete(ASKED, sampling, heard=pieces.append)

    assert whole.text == streamed.text == "".join(pieces) == ANSWER
    assert not whole.truncated


@pytest.mark.parametrize(
    ("model", "text", "finish"),
    [
        ("fake", "<think>\nSECRET thou", "length"),
        ("fake", "<think>\nSECRET thou", "stop"),
        ("Qwen3-4B-Thinking-2507", "SECRET thou", "length"),
    ],
)
async def test_an_answer_cut_off_while_thinking_is_empty_and_truncated(
    chat: Chat, model: str, text: str, finish: str
) -> None:
    pieces: list[str] = []
    with serving((200, completion(text, finish))) as fake:
        made = chat(fake, model)
        whole = await made.complete(ASKED)
        streamed = await made.complete(ASKED, heard=pieces.append)

    assert (whole.text, whole.truncated) == ("", True)
    assert (streamed.text, streamed.truncated) == ("", True)
    assert pieces == []


async def test_a_model_that_thinks_without_the_first_tag_is_remembered(chat: Chat) -> None:
    pieces: list[str] = []
    with serving(f"SECRET thoughts\n</think>\n\n{ANSWER}") as fake:
        made = chat(fake)
        first = await made.complete(ASKED)
        second = await made.complete(ASKED, heard=pieces.append)

    assert first.text == second.text == "".join(pieces) == ANSWER


async def test_a_reply_in_json_may_quote_a_tag(chat: Chat) -> None:
    said = '{"quote": "he wrote </think> and <think>"}'
    with serving(said) as fake:
        reply = await chat(fake).complete(ASKED, Sampling(thinking=True), {"type": "object"})

    assert reply.text == said


@pytest.mark.parametrize("refusal", ["stream is not supported", "Unrecognized: stream"])
async def test_a_server_that_refuses_to_stream_is_asked_for_the_whole(
    chat: Chat, refusal: str
) -> None:
    pieces: list[str] = []
    with serving((400, {"error": {"message": refusal}}), ANSWER) as fake:
        made = chat(fake)
        for _ in range(2):
            assert (await made.complete(ASKED, heard=pieces.append)).text == ANSWER

    assert pieces == [ANSWER, ANSWER]
    assert [bool(sent.get("stream")) for sent in fake.asked] == [True, False, False]


async def test_a_server_that_does_not_count_a_stream_still_streams(chat: Chat) -> None:
    pieces: list[str] = []
    refusal = (400, {"error": {"message": "stream_options: extra field"}})
    with serving(refusal, ANSWER) as fake:
        reply = await chat(fake).complete(ASKED, heard=pieces.append)

    assert (reply.text, reply.completion_tokens) == (ANSWER, 0)
    assert len(pieces) > 3
    assert ["stream_options" in sent for sent in fake.asked] == [True, False]


async def test_a_server_that_answers_whole_is_heard_all_the_same(chat: Chat) -> None:
    pieces: list[str] = []
    with serving(ANSWER) as fake:
        fake.streams = False
        reply = await chat(fake).complete(ASKED, heard=pieces.append)

    assert (reply.text, pieces) == (ANSWER, [ANSWER])


@pytest.mark.parametrize(
    "stream",
    [
        Events([delta(content="Call ")], ended=False),
        Events([delta(content="Call "), delta(content="112")]),
    ],
    ids=["lost", "without a reason to end"],
)
async def test_a_stream_that_breaks_off_is_no_answer(chat: Chat, stream: Events) -> None:
    pieces: list[str] = []
    with serving(stream) as fake, pytest.raises(ModelUnreachable, match="broke off"):
        await chat(fake).complete(ASKED, heard=pieces.append)

    assert pieces[0] == "Call "
    assert len(fake.asked) == 1  # what was told cannot be taken back


async def test_a_stream_that_breaks_off_before_its_first_word_is_asked_for_again(
    chat: Chat,
) -> None:
    pieces: list[str] = []
    with serving(Events([delta(role="assistant")], ended=False), ANSWER) as fake:
        reply = await chat(fake).complete(ASKED, heard=pieces.append)

    assert reply.text == "".join(pieces) == ANSWER
    assert len(fake.asked) == 2


ERROR: dict[str, Any] = {"error": {"message": "SECRET cuda error", "code": 400}}


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # of tests alone, see langchain_chat
@pytest.mark.parametrize(
    ("events", "kind", "text"),
    [
        ([delta(content="Call "), ERROR], ModelError, "ended its answer with an error"),
        ([ERROR], ModelError, "HTTP 400$"),
        ([{"error": {"message": "n_keep: 9000 >= n_ctx: 4096"}}], ContextExceeded, "4,096"),
        ([delta(content="Call "), "{not json"], ModelError, "cannot be read"),
        ([delta(content="Call "), delta(content=42)], ModelError, "cannot be read"),
    ],
    ids=["midway", "at once", "context", "no json", "number"],
)
async def test_a_faulty_stream_is_an_error_that_quotes_nothing(
    chat: Chat, events: list[Any], kind: type[ModelError], text: str
) -> None:
    with serving(Events(events)) as fake, pytest.raises(kind, match=text) as caught:
        await chat(fake).complete(ASKED, heard=lambda _: None)

    assert "SECRET" not in str(caught.value)
