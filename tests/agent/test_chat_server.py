"""The agent as a model, asked by the official client over a real socket."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest

from agent.chat_server import ChatApp
from agent.events import Event
from agent.graph import build_agent, follow
from agent.state import Limits
from inference.errors import ModelUnreachable
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from mcp_server.door import Door
from mcp_server.http import HttpServer, listening
from tests.agent.fake_tools import FakeTools, criterion

LIMITS = Limits()
CRITERIA = (criterion("cools", 6), criterion("rests", 4))


def working(*said: Any) -> Any:
    policy = ScriptedChat(list(said))

    def work(asked: Conversation) -> AsyncIterator[Event]:
        agent = build_agent(policy, None, FakeTools(CRITERIA, ["UM", "MM"]), LIMITS)
        return follow(agent, asked, LIMITS)

    work.policy = policy  # type: ignore[attr-defined]
    return work


class Served:
    """The endpoint in a thread of its own."""

    def __init__(self, work: Any, token: str = "") -> None:
        self._work, self._token = work, token

    def __enter__(self) -> str:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(10)
        return self.url

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(10)

    async def _serve(self) -> None:
        door = Door.of("127.0.0.1:0", token=self._token)
        with listening(door) as listener:
            port = listener.getsockname()[1]
            door = door.model_copy(update={"port": port})
            self.url = f"http://127.0.0.1:{port}/v1"
            self.server = HttpServer(ChatApp(self._work, door), door, self.url)
            self._ready.set()
            await self.server.serve([listener])


@pytest.fixture
def asks() -> Iterator[Any]:
    opened: list[Served] = []

    def ask(work: Any, token: str = "", key: str = "EMPTY") -> openai.OpenAI:
        served = Served(work, token)
        url = served.__enter__()
        opened.append(served)
        return openai.OpenAI(base_url=url, api_key=key, max_retries=0)

    yield ask
    for one in opened:
        one.__exit__()


QUESTION: list[Any] = [{"role": "user", "content": "How do I care for a sprained ankle?"}]


def test_the_official_client_gets_the_revised_answer(asks: Any) -> None:
    client = asks(working("Rest it.", "Rest it. Cool it."))

    reply = client.chat.completions.create(model="clinalign", messages=QUESTION)

    assert reply.choices[0].message.content == "Rest it. Cool it."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model_extra["clinalign"]["stop_reason"] == "target_reached"
    assert reply.model_extra["clinalign"]["fraction"] == 1
    assert [one.id for one in client.models.list()] == ["clinalign"]


def test_what_is_streamed_is_the_released_answer_and_what_was_done_for_it(asks: Any) -> None:
    client = asks(working("Rest it.", "Rest it. Cool it."))

    pieces = list(client.chat.completions.create(model="x", messages=QUESTION, stream=True))

    deltas = [one.choices[0].delta for one in pieces]
    assert "".join(one.content or "" for one in deltas) == "Rest it. Cool it."
    reasoning = "".join((one.model_extra or {}).get("reasoning_content", "") for one in deltas)
    assert reasoning.startswith("Principles found.\nRubric written.\nDraft written.\n")
    assert pieces[-1].choices[0].finish_reason == "stop"


def test_a_conversation_in_parts_arrives_whole(asks: Any) -> None:
    work = working("Two days.", "Two days.")
    parts = [{"type": "text", "text": "And for"}, {"type": "text", "text": "how long?"}]
    messages = [*QUESTION, {"role": "assistant", "content": "Rest it."}]

    asks(work).chat.completions.create(
        model="x", messages=[*messages, {"role": "user", "content": parts}]
    )

    told = [one.content for one in work.policy.asked[0][1:]]
    assert told == [QUESTION[0]["content"], "Rest it.", "And for\nhow long?"]


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "whose last one is the user's"),
        ({"n": 2}, "n: expected 1"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "cannot be read"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools: expected none"),
    ],
)
def test_what_cannot_be_answered_is_said(asks: Any, also: dict[str, Any], expected: str) -> None:
    client = asks(working("Rest it."))

    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**{"model": "x", "messages": QUESTION, **also})

    assert expected in str(refused.value)


def test_a_model_that_is_gone_is_a_bad_gateway(asks: Any) -> None:
    with pytest.raises(openai.InternalServerError, match="nothing answers"):
        asks(working(ModelUnreachable("nothing answers"))).chat.completions.create(
            model="x", messages=QUESTION
        )


def test_a_token_is_asked_for_and_pages_of_others_are_turned_away(asks: Any) -> None:
    with pytest.raises(openai.AuthenticationError):
        asks(working("Rest it."), token="right", key="wrong").models.list()
    client = asks(working("Rest it."), token="right", key="right")
    url = f"{client.base_url}models"
    foreign = httpx.get(
        url, headers={"Authorization": "Bearer right", "Origin": "http://evil.example"}
    )

    assert [one.id for one in client.models.list()] == ["clinalign"]
    assert foreign.status_code == 403
