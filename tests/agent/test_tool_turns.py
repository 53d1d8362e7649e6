"""A model that calls the tools itself: real tools over MCP, a real client, a scripted server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.graph import build_agent, work
from agent.state import Episode, Limits
from agent.tool_turns import MOST_TURNS
from clinalign.__main__ import app
from inference.embedding import MemoEmbedder
from inference.endpoint import Endpoint
from inference.messages import Conversation
from inference.openai_compatible import OpenAICompatibleChat
from inference.vectors import VectorCache
from mcp_server.client import HealthTools, connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.builtin_judge import BuiltinJudge
from rubrics.reading import ScenarioReader
from rubrics.writer import WriterOptions
from tests.builders import server_of
from tests.fake_server import FakeServer, Said, completion, serving

ASKED = Conversation.of("Can I take ibuprofen while I am breastfeeding?")
ANSWER = "Yes, ibuprofen in the usual dose is compatible with breastfeeding."


def calling(name: str, arguments: Any, id: str = "call-1") -> Said:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": written}}
    body = completion("", "tool_calls", tool_calls=[call])
    return 200, body


@pytest.fixture
async def tools(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> AsyncIterator[HealthTools]:
    store = InMemoryPrincipleStore(library, embedder, cached)
    async with connected(server_of(store, reader, BuiltinJudge(embedder))) as tools:
        yield tools


async def answered(tools: HealthTools, *replies: Said) -> tuple[Episode, FakeServer]:
    limits = Limits(rounds=0)
    with serving(*replies) as fake:
        chat = OpenAICompatibleChat(Endpoint(base_url=fake.base_url, model="fake"))
        agent = build_agent(chat, None, tools, limits, WriterOptions.plain(), tools_by="model")
        try:
            return await work(agent, ASKED, limits), fake
        finally:
            await chat.aclose()


async def test_what_a_tool_says_comes_back_to_the_model(tools: HealthTools) -> None:
    asked = {"question": ASKED.question, "k": 2}

    episode, fake = await answered(tools, calling("get_health_principles", asked), ANSWER)

    assert episode.answer == ANSWER
    assert episode.stop_reason == "round_limit"
    first, second = fake.asked
    names = ["get_health_principles", "score_against_rubric", "get_score"]
    assert [one["function"]["name"] for one in first["tools"]] == names
    assert first["tools"][0]["function"]["parameters"]["required"] == ["question"]
    said, result = second["messages"][-2:]
    assert said["tool_calls"][0]["function"]["name"] == "get_health_principles"
    assert (result["role"], result["tool_call_id"]) == ("tool", "call-1")
    assert len(json.loads(result["content"])["principles"]) == 2


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("get_health_principles", "{not json", "one JSON object"),
        ("get_health_principles", [1], "one JSON object"),
        ("get_health_principles", {"question": "x", "k": "many"}, "k: expected"),
        ("diagnose", {"question": "x"}, "expected one of get_health_principles"),
    ],
)
async def test_a_wrong_call_is_explained_to_the_model(
    tools: HealthTools, name: str, arguments: Any, told: str
) -> None:
    episode, fake = await answered(tools, calling(name, arguments), ANSWER)

    assert episode.answer == ANSWER
    assert told in fake.asked[-1]["messages"][-1]["content"]


async def test_a_model_that_never_stops_calling_has_to_answer_at_last(tools: HealthTools) -> None:
    calls = [calling("get_health_principles", {"question": str(n)}) for n in range(MOST_TURNS)]

    episode, fake = await answered(tools, *calls, ANSWER)

    assert episode.answer == ANSWER
    assert len(fake.asked) == MOST_TURNS + 1
    assert "tools" not in fake.asked[-1]


async def test_its_calls_count_for_the_budget(tools: HealthTools) -> None:
    limits = Limits(rounds=0, calls=2)
    calls = [calling("get_health_principles", {"question": str(n)}) for n in range(3)]
    with serving(*calls, ANSWER) as fake:
        chat = OpenAICompatibleChat(Endpoint(base_url=fake.base_url, model="fake"))
        agent = build_agent(chat, None, tools, limits, WriterOptions.plain(), tools_by="model")
        episode = await work(agent, ASKED, limits)
        await chat.aclose()

    assert episode.stop_reason == "call_budget"
    assert len(fake.asked) == 2


def test_without_a_model_that_could_call_them_it_is_refused(tmp_path: Path) -> None:
    said = CliRunner(env={"CLINALIGN_DATA_DIR": str(tmp_path)}).invoke(
        app, ["ask", ASKED.question, "--tools", "model", "--no-find"]
    )

    assert said.exit_code == 2
    assert "--tools is 'model'; expected graph, or a model that can call tools" in said.stderr
