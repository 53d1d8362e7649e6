"""The tools, over every way to reach them."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

from inference.embedding import MemoEmbedder
from inference.errors import ModelUnreachable
from inference.messages import Conversation, Message
from inference.scripted import ScriptedChat
from inference.vectors import VectorCache
from mcp_server.client import HealthTools, ToolRefused, connected
from mcp_server.server import HealthServer
from principle_store.chroma import ChromaPrincipleStore
from principle_store.types import Library
from rubrics.model_judge import ModelJudge
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric
from tests.builders import server_of

ASKED = Conversation.of("My father has crushing chest pain. What should we do?")
ROWS = [
    {"criterion": "Tells the reader to call the emergency number", "points": 9},
    {"criterion": "Names the maximum daily dose of paracetamol", "points": 3},
]
ANSWER = "Please call the emergency number right now. Sit down and rest."


@pytest.fixture(scope="module", params=["in memory", "over stdio"])
async def tools(
    request: pytest.FixtureRequest, server: HealthServer, data_dir: Path
) -> AsyncIterator[HealthTools]:
    env = {"CLINALIGN_DATA_DIR": str(data_dir), "CLINALIGN_JUDGE": "builtin"}
    over_stdio = StdioServerParameters(command=sys.executable, args=["-m", "mcp_server"], env=env)
    async with connected(server if request.param == "in memory" else over_stdio) as tools:
        yield tools


async def test_principles_arrive_with_their_scenario_and_sources(tools: HealthTools) -> None:
    found = await tools.get_health_principles(ASKED, k=4)

    first = found.principles[0]
    assert first.id == "heart-attack-call-first"
    assert first.sources[0].url.startswith("https://")
    assert first.criteria[0].id == "heart-attack-call-first.1"
    assert len(found.principles) <= 4
    assert found.scenario["urgency"].value == "emergent"
    assert len(found.library.hash) == 64


async def test_a_given_label_is_taken_as_it_is(tools: HealthTools) -> None:
    found = await tools.get_health_principles(ASKED, labels={"expertise": "health_professional"})

    label = found.scenario["expertise"]
    assert (label.value, label.from_) == ("health_professional", "given")


async def test_an_answer_is_scored_against_the_rows_given(tools: HealthTools) -> None:
    scored = await tools.score_against_rubric(ASKED, ANSWER, Rubric.from_rows(ROWS))

    assert scored.status == "complete"
    assert [one.verdict for one in scored.verdicts] == ["MET", "UNMET"]
    assert scored.score is not None
    assert scored.score.fraction == 9 / (9 + 3)
    assert "screening" in scored.judge
    assert "balanced F1" in scored.judge_agreement


async def test_without_rows_the_rubric_comes_from_the_principles(tools: HealthTools) -> None:
    by_id = await tools.score_against_rubric(ASKED, ANSWER, principle_ids=["stroke-signs-call-now"])
    by_search = await tools.score_against_rubric(ASKED, ANSWER)

    assert {one.principle_ids for one in by_id.rubric} == {("stroke-signs-call-now",)}
    assert ("heart-attack-call-first",) in {one.principle_ids for one in by_search.rubric}


async def test_earlier_turns_are_heard(tools: HealthTools) -> None:
    earlier = Message(role="user", content="How much paracetamol may an adult take in a day?")
    asked, alone = Conversation.of("And with this?", (earlier,)), Conversation.of("And with this?")

    with_it = await tools.get_health_principles(asked)
    without = await tools.get_health_principles(alone)

    wanted = "paracetamol-adult-dose-and-maximum"
    assert wanted in [one.id for one in with_it.principles]
    assert wanted not in [one.id for one in without.principles]


SECRET = "Jane Roe MRN 12345"


@pytest.mark.parametrize(
    ("name", "arguments", "field", "expected"),
    [
        ("get_health_principles", {"question": ""}, "question", "not empty"),
        ("get_health_principles", {"question": SECRET * 12_000}, "question", "at most 100,000"),
        ("get_health_principles", {}, "question", "missing"),
        ("get_health_principles", {"question": 5}, "question", "string"),
        ("get_health_principles", {"question": "x", "k": "5"}, "k", "integer"),
        ("get_health_principles", {"question": "x", "k": True}, "k", "integer"),
        ("get_health_principles", {"question": "x", "k": 0}, "k", "greater than or equal to 1"),
        ("get_health_principles", {"question": "x", "urgency": SECRET}, "urgency", "emergent"),
        ("get_health_principles", {"question": "x", SECRET: 1}, "arguments", "only question"),
        ("get_health_principles", {"question": "x", "conversation": SECRET}, "conversation", ""),
        (
            "get_health_principles",
            {"question": "x", "conversation": [{"role": SECRET, "content": "x"}]},
            "conversation[0].role",
            "one of 'system'",
        ),
        ("score_against_rubric", {"question": "x", "answer": " "}, "answer", "not empty"),
        ("score_against_rubric", {"question": "x"}, "answer", "missing"),
        ("score_against_rubric", {"question": "x", "answer": SECRET * 2_000}, "answer", "20,000"),
        (
            "score_against_rubric",
            {"question": "x", "answer": "y", "rubric": [{"criterion": SECRET, "points": 0}]},
            "rubric[0].points",
            "from -10 to 10, not 0",
        ),
        (
            "score_against_rubric",
            {"question": "x", "answer": "y", "rubric": [{"points": 2}]},
            "rubric[0].criterion",
            "missing",
        ),
        (
            "score_against_rubric",
            {"question": "x", "answer": "y", "rubric": ROWS * 26},
            "rubric",
            "at most 50 criteria",
        ),
        (
            "score_against_rubric",
            {"question": "x", "answer": "y", "principle_ids": [SECRET]},
            "principle_ids",
            "get_health_principles",
        ),
        (
            "score_against_rubric",
            {"question": "x", "answer": "y", "rubric": ROWS, "principle_ids": ["a"]},
            "rubric",
            "not both",
        ),
    ],
)
async def test_a_bad_call_is_told_its_field_and_never_its_value(
    server: HealthServer, name: str, arguments: dict[str, Any], field: str, expected: str
) -> None:
    async with Client(server) as client:
        result = await client.call_tool(name, arguments)

    (said,) = [block.text for block in result.content if isinstance(block, TextContent)]
    assert result.is_error
    assert field in said
    assert expected in said
    assert SECRET not in said
    assert "Traceback" not in said
    assert len(said) < 400


async def test_a_refusal_reaches_the_typed_client(tools: HealthTools) -> None:
    with pytest.raises(ToolRefused, match=r"urgency: expected one of emergent"):
        await tools.get_health_principles(ASKED, labels={"urgency": "soon"})


async def test_a_judge_that_fails_makes_no_score(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    gone = ScriptedChat([ModelUnreachable("nothing answers at http://x")] * 2)
    store = ChromaPrincipleStore(library, embedder, cached)
    server = server_of(store, reader, ModelJudge(gone))

    async with connected(server) as tools:
        scored = await tools.score_against_rubric(ASKED, ANSWER, Rubric.from_rows(ROWS))

    assert (scored.status, scored.score) == ("ungraded", None)
    assert scored.reason == "none of 2 criteria was judged; ERROR: nothing answers at http://x"
    assert [one.verdict for one in scored.verdicts] == ["ERROR", "ERROR"]


async def test_the_tools_are_as_they_were_agreed(
    server: HealthServer, golden: Callable[[str, str], None]
) -> None:
    async with Client(server) as client:
        listed = (await client.list_tools()).tools

    shown = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    golden("tools.json", json.dumps(shown, indent=1, ensure_ascii=False) + "\n")


async def test_input_schemas_are_flat(server: HealthServer) -> None:
    async with Client(server) as client:
        listed = (await client.list_tools()).tools

    assert [tool.name for tool in listed] == [
        "get_health_principles",
        "score_against_rubric",
        "get_score",
    ]
    for tool in listed:
        text = json.dumps(tool.input_schema)
        assert not any(word in text for word in ("$ref", "anyOf", "oneOf", "$defs"))
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
