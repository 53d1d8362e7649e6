"""Both adapters on a fake server: what they ask, what they make of replies and of faults."""

import threading

import pytest

from inference.chat import Reply, Sampling
from inference.errors import ModelError, ModelUnknown, ModelUnreachable
from inference.messages import Message
from inference.openai_compatible import LONGEST_PAUSE_SECONDS
from tests.fake_server import completion, serving
from tests.inference.conftest import Chat

ASKED = [Message(role="user", content="SECRET cough since Monday")]
SCHEMA = {"type": "object"}


async def test_a_reply_comes_with_its_tokens(chat: Chat) -> None:
    with serving("Since when?") as fake:
        reply = await chat(fake).complete(ASKED)

    assert reply == Reply(text="Since when?", prompt_tokens=7, completion_tokens=3)


async def test_what_was_asked_is_what_is_sent(chat: Chat) -> None:
    with serving() as fake:
        sampling = Sampling(temperature=0.5, max_tokens=64, seed=3)
        await chat(fake, api_key="k").complete(ASKED, sampling, SCHEMA)

    (sent,) = fake.asked
    assert sent["messages"] == [{"role": "user", "content": ASKED[0].content}]
    assert (sent["temperature"], sent["seed"]) == (0.5, 3)
    assert 64 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert fake.keys == ["Bearer k"]


async def test_a_reply_cut_short_is_marked(chat: Chat) -> None:
    with serving((200, completion("Take", finish_reason="length"))) as fake:
        reply = await chat(fake).complete(ASKED, schema=SCHEMA)

    assert reply.truncated
    assert reply.text == "Take"


async def test_a_server_without_schemas_is_asked_without_and_not_again_with(chat: Chat) -> None:
    refusal = (400, {"error": {"message": "response_format is not supported"}})
    with serving(refusal, "{}", "{}") as fake:
        server = chat(fake)
        await server.complete(ASKED, schema=SCHEMA)
        await server.complete(ASKED, schema=SCHEMA)

    assert ["response_format" in sent for sent in fake.asked] == [True, False, False]


async def test_thinking_is_switched_where_the_server_takes_the_switch(chat: Chat) -> None:
    refusal = (400, {"error": {"message": "Unrecognized argument: chat_template_kwargs"}})
    with serving("{}", refusal, "{}", "{}") as fake:
        server = chat(fake)
        for _ in range(3):
            await server.complete(ASKED, Sampling(thinking=False), SCHEMA)

    switched = [sent.get("chat_template_kwargs") for sent in fake.asked]
    assert switched == [{"enable_thinking": False}, {"enable_thinking": False}, None, None]
    assert all("response_format" in sent for sent in fake.asked)


async def test_chances_and_cached_tokens_come_along_when_the_server_tells(chat: Chat) -> None:
    told = completion("YES")
    likeliest = [{"token": "YES", "logprob": 0.0}, {"token": "no", "logprob": -20.0}]
    told["choices"][0]["logprobs"] = {
        "content": [{"token": "YES", "logprob": 0.0, "top_logprobs": likeliest}]
    }
    told["usage"]["prompt_tokens_details"] = {"cached_tokens": 5}
    with serving((200, told)) as fake:
        reply = await chat(fake).complete(ASKED, Sampling(max_tokens=1, likeliest=5))

    assert reply.cached_tokens == 5
    assert reply.first_token == {"YES": 1.0, "no": pytest.approx(2e-9, rel=0.1)}
    assert (fake.asked[0]["logprobs"], fake.asked[0]["top_logprobs"]) == (True, 5)


async def test_a_model_left_open_is_the_only_one_there(chat: Chat) -> None:
    with serving(models=("one",)) as fake:
        connected = await chat(fake, model="").connected()

    assert connected.name == "one"


@pytest.mark.parametrize(
    ("model", "models", "complaint"),
    [
        ("other", ("fake",), "no model 'other'; it has 'fake'; set --model"),
        ("", ("a", "b"), "no single model to choose; it has 'a', 'b'; set --model"),
        ("", (), "no single model to choose; it has none"),
    ],
)
async def test_a_model_that_is_not_there_is_named_beside_those_that_are(
    chat: Chat, model: str, models: tuple[str, ...], complaint: str
) -> None:
    with serving(models=models) as fake, pytest.raises(ModelUnknown, match=complaint):
        await chat(fake, model).connected()


async def test_a_server_that_is_not_there_is_named_with_the_way_out(chat: Chat) -> None:
    with serving() as fake:
        pass  # its port is closed again

    with pytest.raises(ModelUnreachable, match=r"nothing answers at http://127.*--base-url"):
        await chat(fake).connected()


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (404, {"error": {"message": "SECRET"}}, ModelUnknown, "has no model 'fake'"),
        (401, {"error": {"message": "SECRET"}}, ModelError, "set CLINALIGN_API_KEY"),
        (400, {"error": {"message": "SECRET"}}, ModelError, "HTTP 400"),
        (
            400,
            {"error": {"message": "maximum context length"}},
            ModelError,
            "longer than the model",
        ),
        (200, "<html>SECRET</html>", ModelError, "cannot be read"),
        (200, {"choices": []}, ModelError, "cannot be read"),
        (200, {"choices": None}, ModelError, "cannot be read"),
    ],
)
async def test_a_faulty_server_is_told_apart_and_never_quoted(
    chat: Chat, status: int, body: object, kind: type[ModelError], text: str
) -> None:
    with serving((status, body)) as fake, pytest.raises(kind, match=text) as caught:
        await chat(fake).complete(ASKED)

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
async def test_a_failure_that_passes_is_tried_again(status: int, chat: Chat) -> None:
    with serving((status, "busy"), (status, "busy"), "At last.") as fake:
        reply = await chat(fake).complete(ASKED)

    assert reply.text == "At last."
    assert len(fake.asked) == 3


async def test_a_failure_that_stays_is_told_after_three_calls(chat: Chat) -> None:
    with serving((503, "SECRET")) as fake, pytest.raises(ModelError, match=r"HTTP 503$"):
        await chat(fake).complete(ASKED)

    assert len(fake.asked) == 3


async def test_a_refusal_is_not_tried_again(chat: Chat) -> None:
    with serving((400, "SECRET")) as fake, pytest.raises(ModelError, match=r"HTTP 400$"):
        await chat(fake).complete(ASKED)

    assert len(fake.asked) == 1


async def test_a_server_that_is_gone_is_told(chat: Chat) -> None:
    with serving() as fake:
        pass  # its port is closed again

    with pytest.raises(ModelUnreachable, match="nothing answers at http://127"):
        await chat(fake).complete(ASKED)


async def test_a_server_that_takes_too_long_is_told(chat: Chat) -> None:
    late = r"did not answer within 0\.05 s"
    with serving(_slowly) as fake, pytest.raises(ModelUnreachable, match=late):
        await chat(fake, longest_wait_seconds=0.05).complete(ASKED)


def _slowly(_: object) -> str:
    threading.Event().wait(0.3)
    return "late"


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "{", '{"choices": [{}]}', '{"choices": [{"message": null}]}', "\xff", "42"],
)
async def test_a_reply_out_of_shape_is_told_and_never_quoted(body: str, chat: Chat) -> None:
    with serving((200, body)) as fake, pytest.raises(ModelError, match="cannot be read"):
        await chat(fake).complete(ASKED)


async def test_half_a_character_is_sent_as_a_sign_for_it(chat: Chat) -> None:
    with serving() as fake:
        await chat(fake).complete([Message(role="user", content="cough \ud800 \U0001f912")])

    assert fake.asked[0]["messages"][0]["content"] == "cough \ufffd \U0001f912"


async def test_the_server_is_given_the_time_it_asks_for(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    busy = (429, "busy", {"Retry-After": "3"})
    with serving(busy, (429, "busy", {"Retry-After": "3600"}), "At last.") as fake:
        made = chat(fake)
        monkeypatch.setattr("inference.openai_compatible.asyncio.sleep", sleep)
        reply = await made.complete(ASKED)

    assert reply.text == "At last."
    assert waited == [3.0, LONGEST_PAUSE_SECONDS]


async def test_the_endpoint_says_whether_to_think_where_a_call_does_not(chat: Chat) -> None:
    with serving() as fake:
        made = chat(fake, thinking=True)
        await made.complete(ASKED)
        await made.complete(ASKED, Sampling(thinking=False))

    asked = [sent["chat_template_kwargs"]["enable_thinking"] for sent in fake.asked]
    assert asked == [True, False]


async def test_a_reply_beyond_all_measure_is_given_up(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.langchain_chat.MOST_REPLY_BYTES", 10_000)
    monkeypatch.setattr("inference.bulk_chat.MOST_REPLY_BYTES", 10_000)
    with serving("x" * 20_000) as fake, pytest.raises(ModelError, match="more than any answer"):
        await chat(fake).complete(ASKED)

    assert len(fake.asked) == 1
