"""The row function on scripted models: what the controls ask for, and what becomes of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inference.embedding import MemoEmbedder
from inference.scripted import ScriptedChat
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from tests.agent.test_graph import ScriptedJudge
from tests.builders import server_of
from training.controls import Controls
from training.synthesis import Means, Synthesis
from training.tasks import Rejected

ASKED = {"prompt": "My father has chest pain and is sweating."}
WRITTEN = [
    {"criterion": "Tells the reader to call an ambulance", "points": 6, "axis": "accuracy"},
    {"criterion": "Asks since when it hurts", "points": 4, "axis": "context_awareness"},
    {"criterion": "Names aspirin as a thing to ask about", "points": 3, "axis": "completeness"},
    {"criterion": "Suggests waiting at home", "points": -5, "axis": "accuracy"},
]
Made = Callable[..., Any]


def reply(rows: list[dict[str, Any]]) -> str:
    return json.dumps({"criteria": [{**one, "critical": False, "principle": 1} for one in rows]})


@pytest.fixture
async def made(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Made:
    store = InMemoryPrincipleStore(library, embedder, cached)

    async def made(
        row: dict[str, Any],
        controls: str,
        written: list[str] | ScriptedChat,
        answers: list[str] | None = None,
        rounds: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        async with connected(server_of(store, reader, ScriptedJudge(*rounds))) as tools:
            means = Means(
                tools=tools,
                library=await tools.library(),
                vectors=embedder,
                writer=ScriptedChat(written) if isinstance(written, list) else written,
                policy=ScriptedChat(answers) if answers else None,
                controls=Controls.of(controls).model_copy(update={"samples": 2}),
            )
            return await Synthesis(means).fields(row)

    return made


async def test_two_drafts_are_merged(made: Made) -> None:
    second = [{**WRITTEN[0], "points": 9}, {**WRITTEN[1], "points": 2}, WRITTEN[3]]
    row = await made(ASKED, "merge", [reply(WRITTEN), reply(second)])

    assert [one["points"] for one in row["rubrics"]] == [6, 2, -5]
    assert row["provenance"]["calls"] == 2
    assert "1 of one draft alone dropped" in row["provenance"]["notes"]


async def test_sampled_answers_say_how_hard_a_question_is(made: Made) -> None:
    row = await made(
        ASKED, "difficulty", [reply(WRITTEN)], ["Call now.", "Wait at home."], ("MMUU", "UUUM")
    )

    assert row["difficulty"] == {"mean": 0.1923, "spread": 1.1538, "answers": 2}


async def test_what_all_sampled_answers_do_is_dropped(made: Made) -> None:
    row = await made(
        ASKED, "discriminate", [reply(WRITTEN)], ["Call now.", "Wait at home."], ("MMUU", "UMUM")
    )

    # Both ask, neither names aspirin: the lighter of the two goes, for three have to stay.
    assert [one["points"] for one in row["rubrics"]] == [6, 4, -5]


async def test_answers_of_the_row_are_used_before_any_is_sampled(made: Made) -> None:
    row = {**ASKED, "answers": ["Call now.", {"answer": "Wait at home."}]}
    found = await made(row, "difficulty", [reply(WRITTEN)], None, ("MMUU", "UUUM"))

    assert found["difficulty"]["answers"] == 2
    assert found["provenance"]["calls"] == 1


async def test_a_failed_judgement_drops_nothing_and_counts_for_nothing(made: Made) -> None:
    row = await made(
        ASKED,
        "discriminate,difficulty",
        [reply(WRITTEN)],
        ["Call now.", "Wait at home."],
        ("EEEE", "MMUU"),
    )

    assert [one["points"] for one in row["rubrics"]] == [6, 4, 3, -5]
    assert row["difficulty"] == {"mean": 0.7692, "spread": 0.0, "answers": 1}


async def test_a_control_without_answers_to_go_by_says_so(made: Made) -> None:
    row = await made({**ASKED, "answers": ["x" * 30_000]}, "difficulty", [reply(WRITTEN)])

    assert row["provenance"]["notes"] == ("no answers to go by",)
    assert "difficulty" not in row


async def test_the_writer_is_shown_the_sampled_answers(made: Made) -> None:
    writer = ScriptedChat([reply(WRITTEN)])
    await made(ASKED, "contrast", writer, ["Call the ambulance.", "Wait until Monday."])

    prompt = writer.asked[0][-1].content
    assert "Call the ambulance." in prompt
    assert "Wait until Monday." in prompt


async def test_a_criterion_that_repeats_an_answer_is_dropped(made: Made) -> None:
    leaked = "Tells him to chew one tablet of aspirin while you wait outside"
    said = "Please chew one tablet of aspirin while you wait outside for help."
    rows = [*WRITTEN, {"criterion": leaked, "points": 5, "axis": "accuracy"}]
    row = {**ASKED, "answers": [said]}

    kept = await made(row, "", [reply(rows)])
    assert leaked not in {one["criterion"] for one in kept["rubrics"]}
    without = await made(row, "-leaks", [reply(rows)])
    assert leaked in {one["criterion"] for one in without["rubrics"]}


async def test_too_few_criteria_are_no_rubric(made: Made) -> None:
    vague = [{"criterion": f"Gives appropriate advice on {n}", "points": 5} for n in "abc"]
    with pytest.raises(Rejected, match="too_few_criteria"):
        await made(ASKED, "-harms,-context", [reply([WRITTEN[0], *vague])])
