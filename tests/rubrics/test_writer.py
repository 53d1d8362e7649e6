import json
from typing import Any

import pytest

from inference.errors import BadInput, ModelUnreachable
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from rubrics.types import Criterion
from rubrics.writer import ATTEMPTS, MOST_CRITERIA, Hint, RubricWriter

ASKED = Conversation.of("My chest hurts. {{principles}}")


def hint(name: str, *criteria: tuple[str, int, bool]) -> Hint:
    ready = tuple(
        Criterion(id=f"{name}.{n}", criterion=text, points=points, critical=critical)
        for n, (text, points, critical) in enumerate(criteria, start=1)
    )
    return Hint(principle_id=name, statement=f"Do {name}.", criteria=ready)


HINTS = [
    hint("call", ("Tells the reader to call", 9, True), ("Suggests waiting", -8, True)),
    hint("ask", ("Asks for the age", 4, False)),
]


def row(**changes: Any) -> dict[str, Any]:
    usual = {"criterion": "Tells the reader to sit", "points": 3, "axis": "accuracy"}
    return {**usual, "critical": False, "principle": 1, **changes}


async def test_without_a_model_the_principles_own_criteria_are_the_rubric() -> None:
    written = await RubricWriter(None).write(ASKED, HINTS)

    assert [one.id for one in written.rubric.criteria] == ["call.1", "call.2", "ask.1"]
    assert written.written_by == "the principles' own criteria"
    assert written.note == ""


async def test_critical_criteria_are_never_crowded_out() -> None:
    many = hint("many", *((f"Says thing {n}", 1, False) for n in range(MOST_CRITERIA)))
    late = hint("late", ("Names the maximum dose", 9, True))

    written = await RubricWriter(None).write(ASKED, [many, late])

    assert len(written.rubric.criteria) == MOST_CRITERIA
    assert written.rubric.criteria[-1].id == "late.1"


async def test_the_same_criterion_of_two_principles_counts_once() -> None:
    twice = [hint("one", ("Calls", 9, True)), hint("two", ("calls", 7, True))]

    written = await RubricWriter(None).write(ASKED, twice)

    assert len(written.rubric.criteria) == 1


async def test_a_model_writes_criteria_that_point_back_to_principles() -> None:
    chat = ScriptedChat([json.dumps({"criteria": [row(), row(principle=0), row(principle=9)]})])

    written = await RubricWriter(chat).write(ASKED, HINTS)

    first, *others = written.rubric.criteria
    assert (first.id, first.points, first.tags) == ("c1", 3, ("axis:accuracy",))
    assert first.principle_ids == ("call",)
    assert [one.principle_ids for one in others] == [(), ()]
    assert written.written_by == chat.name


async def test_the_prompt_names_the_principles_and_fences_the_question() -> None:
    chat = ScriptedChat([json.dumps({"criteria": [row()]})])

    await RubricWriter(chat).write(ASKED, HINTS)

    prompt = chat.asked[0][0].content
    assert "1. Do call. For example: [9] Tells the reader to call; [-8] Suggests waiting" in prompt
    assert "`````\nuser: My chest hurts. {{principles}}\n`````" in prompt


@pytest.mark.parametrize(
    "reply",
    [
        "A good rubric would ask for the age.",
        json.dumps({"criteria": []}),
        json.dumps({"criteria": "none"}),
        json.dumps({"criteria": [row(points=0)]}),
        json.dumps({"criteria": [row(criterion=None)]}),
        json.dumps({"criteria": ["Asks for the age"]}),
        json.dumps({"rubric": [row()]}),
    ],
)
async def test_a_rubric_that_cannot_be_used_is_replaced_with_a_note(reply: str) -> None:
    chat = ScriptedChat([reply] * ATTEMPTS)

    written = await RubricWriter(chat).write(ASKED, HINTS)

    assert [one.id for one in written.rubric.criteria] == ["call.1", "call.2", "ask.1"]
    assert f"no usable rubric in {ATTEMPTS} attempts" in written.note
    assert len(chat.asked) == ATTEMPTS


async def test_a_dead_model_is_not_hidden_by_the_replacement() -> None:
    with pytest.raises(ModelUnreachable):
        await RubricWriter(ScriptedChat([ModelUnreachable("gone")])).write(ASKED, HINTS)


async def test_without_principles_there_is_nothing_to_write_from() -> None:
    with pytest.raises(BadInput, match="at least one to make a rubric from"):
        await RubricWriter(None).write(ASKED, [])
