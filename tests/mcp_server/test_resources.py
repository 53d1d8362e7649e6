"""What can be read without a tool, what can be completed, and the prompts."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference, TextContent, TextResourceContents

from mcp_server.server import CARD, HealthServer
from principle_store.types import Library
from rubrics.taxonomy import Taxonomy

STROKE = "stroke-signs-call-now"
SECRET = "Jane-Roe-MRN-12345"


@pytest.fixture
async def client(server: HealthServer) -> AsyncIterator[Client]:
    async with Client(server) as client:
        yield client


async def test_the_library_is_listed_with_its_hash(client: Client, library: Library) -> None:
    found = await _read(client, "principles://library")

    assert (found["version"], found["hash"]) == (library.version, library.hash)
    assert [one["id"] for one in found["principles"]] == [one.id for one in library.principles]


async def test_a_principle_can_be_read_whole(client: Client, library: Library) -> None:
    (expected,) = (one for one in library.principles if one.id == STROKE)

    assert await _read(client, f"principles://{STROKE}") == expected.model_dump(mode="json")


async def test_the_taxonomy_says_what_its_values_mean(client: Client, taxonomy: Taxonomy) -> None:
    found = await _read(client, "principles://taxonomy")

    assert [one["name"] for one in found] == list(taxonomy.names())
    assert found[0]["values"] == taxonomy.dimensions[0].values


async def test_the_principles_of_one_value_are_those_that_apply_to_it(
    client: Client, library: Library
) -> None:
    found = await _read(client, "principles://urgency/emergent")

    ids = [one.id for one in library.principles if one.applies_to("urgency", "emergent")]
    assert [one["id"] for one in found] == ids
    assert len(ids) < len(library.principles)


async def test_the_rubric_of_a_score_can_be_read_again(client: Client) -> None:
    asked = {"question": "chest pain", "answer": "Call now.", "principle_ids": [STROKE]}
    scored = (await client.call_tool("score_against_rubric", asked)).structured_content
    assert scored is not None

    assert await _read(client, f"rubrics://{scored['rubric_id']}") == scored["rubric"]
    assert await _read(client, f"rubrics://{STROKE}") == scored["rubric"]


@pytest.mark.parametrize(
    "uri",
    [
        f"principles://{SECRET}",
        f"principles://urgency/{SECRET}",
        f"principles://{SECRET}/emergent",
        f"rubrics://{SECRET}",
        f"files://{SECRET}",
        f"principles://../{SECRET}",
    ],
)
async def test_what_is_not_there_is_refused_without_repeating_it(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)

    assert "expected" in refused.value.error.message
    assert SECRET not in str(refused.value.error)


@pytest.mark.parametrize(
    ("template", "argument", "typed", "known", "expected"),
    [
        ("principles://{id}", "id", "stroke-signs", {}, [STROKE]),
        ("rubrics://{id}", "id", "SIGNS-call-now", {}, [STROKE]),
        ("principles://{dimension}/{value}", "dimension", "urg", {}, ["urgency"]),
        (
            "principles://{dimension}/{value}",
            "value",
            "emergent",
            {"dimension": "urgency"},
            ["emergent", "conditionally_emergent", "non_emergent"],
        ),
        ("principles://{dimension}/{value}", "value", "lay", {}, ["layperson"]),
        ("principles://{dimension}/{value}", "value", "", {"dimension": "none such"}, []),
    ],
)
async def test_ids_and_labels_complete_those_first_that_begin_so(
    client: Client,
    template: str,
    argument: str,
    typed: str,
    known: dict[str, str],
    expected: list[str],
) -> None:
    ref = ResourceTemplateReference(type="ref/resource", uri=template)
    found = await client.complete(
        ref, {"name": argument, "value": typed}, context_arguments=known or None
    )

    assert found.completion.values == expected


async def test_a_long_list_of_completions_says_that_there_are_more(
    client: Client, library: Library
) -> None:
    ref = ResourceTemplateReference(type="ref/resource", uri="principles://{id}")
    found = (await client.complete(ref, {"name": "id", "value": ""})).completion

    assert (len(found.values), found.total, found.has_more) == (100, len(library.principles), True)


async def test_free_text_is_not_completed(client: Client) -> None:
    ref = PromptReference(type="ref/prompt", name="write_rubric")
    found = await client.complete(ref, {"name": "question", "value": "che"})

    assert found.completion.values == []


async def test_the_prompts_hold_the_question_and_name_the_tools(client: Client) -> None:
    listed = (await client.list_prompts()).prompts
    review = await client.get_prompt(
        "review_answer", {"question": "Is {{answer}} safe?", "answer": "Yes."}
    )
    (said,) = [one.content for one in review.messages]

    assert [one.name for one in listed] == [
        "draft_critique_revise",
        "write_rubric",
        "review_answer",
    ]
    assert isinstance(said, TextContent)
    assert "score_against_rubric" in said.text
    assert said.text.endswith("Question:\nIs {{answer}} safe?\n\nAnswer:\nYes.\n")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        (SECRET, {}, "prompt: expected one of draft_critique_revise, write_rubric"),
        ("write_rubric", {}, "prompt arguments: expected question"),
        ("write_rubric", {"question": "x", SECRET: "y"}, "prompt arguments: expected question"),
    ],
)
async def test_a_prompt_that_cannot_be_written_says_what_it_wants(
    client: Client, name: str, arguments: dict[str, str], expected: str
) -> None:
    with pytest.raises(MCPError) as refused:
        await client.get_prompt(name, arguments)

    assert expected in refused.value.error.message
    assert SECRET not in str(refused.value.error)


async def test_scores_are_bound_to_the_card_and_the_card_is_there(client: Client) -> None:
    tools = (await client.list_tools()).tools
    bound = [one.name for one in tools if one.meta and one.meta["ui"]["resourceUri"] == CARD]
    (card,) = (await client.read_resource(CARD)).contents

    assert bound == ["score_against_rubric", "get_score"]
    assert card.mime_type == "text/html;profile=mcp-app"
    assert isinstance(card, TextResourceContents)
    assert card.text.startswith("<!doctype html>")


async def _read(client: Client, uri: str) -> Any:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)
