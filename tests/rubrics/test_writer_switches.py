import json

import pytest

from inference.scripted import ScriptedChat
from rubrics.types import Scenario
from rubrics.writer import RubricWriter, WriterOptions, WrittenRubric
from tests.rubrics.writing_replies import (
    ANSWERS,
    ASKED,
    EVERY,
    HINTS,
    last_prompt,
    mended,
    repair,
    reply,
    row,
    scenario,
)

PLAIN = WriterOptions.plain()


def only(**switches: bool | int) -> WriterOptions:
    return PLAIN.model_copy(update=switches)


async def write(
    options: WriterOptions, *replies: str, asker: Scenario | None = None
) -> tuple[WrittenRubric, ScriptedChat]:
    chat = ScriptedChat(replies)
    return await RubricWriter(chat, options).write(ASKED, HINTS, asker), chat


def texts(written: WrittenRubric) -> list[str]:
    return [one.criterion for one in written.rubric.criteria]


async def test_opposed_answers_are_shown_to_the_writer() -> None:
    written, chat = await write(only(contrast=True), ANSWERS, reply(row()))

    assert "It is most likely a muscle, rest a little." in last_prompt(chat)
    assert written.calls == 2


@pytest.mark.parametrize(
    ("values", "stance"),
    [
        ({"material": "not_enough"}, "asks for what is missing"),
        ({"urgency": "conditionally_emergent"}, "reassures"),
        ({"task_type": "emotional_support"}, "listens"),
        ({"task_type": "care_decision"}, "goes along with"),
        ({}, "as short as can be"),
    ],
)
async def test_the_scenario_chooses_the_stances(values: dict[str, str], stance: str) -> None:
    _, chat = await write(only(contrast=True), ANSWERS, reply(row()), asker=scenario(**values))

    assert stance in chat.asked[0][0].content


async def test_a_criterion_that_copies_an_opposed_answer_is_dropped() -> None:
    copied = row("Tells the reader that it is most likely a muscle, rest a little")

    written, _ = await write(only(contrast=True), ANSWERS, reply(copied, row()), repair())

    assert texts(written) == ["Tells the reader to sit"]
    assert written.dropped[0].reason.startswith("leak: ")


async def test_each_care_item_is_a_criterion_or_a_reason() -> None:
    sweep = {**dict.fromkeys(EVERY, "no: rare here"), "doses": "1 g of paracetamol"}
    rows = [row("Names 1 g as one dose", 6, care="doses"), row()]

    written, chat = await write(only(sweep=True), reply(*rows, sweep=sweep))

    assert written.sweep == {**dict.fromkeys(EVERY, "rare here"), "doses": "criterion"}
    assert written.rubric.criteria[0].tags == ("axis:accuracy", "care:doses")
    assert "- follow_up: When is it to be looked at again?" in last_prompt(chat)


@pytest.mark.parametrize("said", ["a maximum of 4 g a day", "no", "no:", "No more than 4 g", None])
async def test_a_care_item_that_is_not_decided_is_asked_about_once_more(said: str | None) -> None:
    sweep = {**dict.fromkeys(EVERY, "no: rare here"), "doses": said}
    added = mended(0, "Names the largest daily dose", 6, care="doses")

    written, chat = await write(only(sweep=True), reply(row(), sweep=sweep), repair(added))

    assert "- doses: Which dose, interval and maximum? You answered: " in last_prompt(chat)
    assert texts(written) == ["Tells the reader to sit", "Names the largest daily dose"]
    assert written.sweep["doses"] == "criterion"


async def test_a_care_item_may_be_decided_against_in_the_repair() -> None:
    sweep = {**dict.fromkeys(EVERY, "no: rare here"), "doses": "4 g"}
    later = repair(sweep={"doses": "no: others matter more"})

    written, _ = await write(only(sweep=True), reply(row(), sweep=sweep), later)

    assert written.sweep["doses"] == "others matter more"


async def test_a_care_item_without_any_decision_is_said_to_be_undecided() -> None:
    written, _ = await write(only(sweep=True), json.dumps({"criteria": [row()]}), repair())

    assert set(written.sweep.values()) == {"undecided"}
    assert written.calls == 2


async def test_a_compound_criterion_is_split_once() -> None:
    flawed = reply(row("Names fever and rash", 5, principle=2), row())
    split = repair(mended(1, "Names fever", 5), mended(1, "Names a rash", 4))

    written, chat = await write(only(atomic=True), flawed, split)

    assert '1. [5] "Names fever and rash": it names two things' in last_prompt(chat)
    assert '- "Tells the reader to sit"' in last_prompt(chat)
    assert texts(written) == ["Names fever", "Names a rash", "Tells the reader to sit"]
    assert [one.points for one in written.rubric.criteria] == [5, 4, 3]
    assert written.rubric.criteria[1].principle_ids == ("ask",)


async def test_what_is_still_compound_after_the_repair_is_dropped_with_its_reason() -> None:
    flawed = reply(row("Names fever and rash", 5), row("Names cough as well as pain"), row())
    worse = repair(mended(1, "Names rash and fever", 5))

    written, chat = await write(only(atomic=True), flawed, worse)

    assert texts(written) == ["Tells the reader to sit"]
    assert [one.criterion for one in written.dropped] == [
        "Names rash and fever",
        "Names cough as well as pain",
    ]
    assert all(one.reason.startswith("compound: ") for one in written.dropped)
    assert len(chat.asked) == 2


async def test_with_the_switch_off_compound_criteria_stay_and_nothing_is_asked() -> None:
    written, chat = await write(PLAIN, reply(row("Names fever and rash", 5)))

    assert texts(written) == ["Names fever and rash"]
    assert len(chat.asked) == 1


@pytest.mark.parametrize(
    ("criterion", "points", "kind"),
    [
        ("Fails to name the emergency number", 5, "sign"),
        ("Recommends giving aspirin to the child", 6, "sign"),
        ("Gives appropriate advice", 4, "vague"),
        ("Does not leave out that no pill helps", 4, "double negative"),
        ("Names a maximum of 400", 4, "dose without unit"),
    ],
)
async def test_whatever_the_switches_the_linter_is_obeyed(
    criterion: str, points: int, kind: str
) -> None:
    written, _ = await write(PLAIN, reply(row(criterion, points), row()), repair())

    assert texts(written) == ["Tells the reader to sit"]
    assert written.dropped[0].reason.startswith(f"{kind}: ")


async def test_doubles_are_dropped_without_asking() -> None:
    written, chat = await write(PLAIN, reply(row(), row("tells the reader to sit.")))

    assert len(written.rubric.criteria) == 1
    assert len(chat.asked) == 1


async def test_what_is_missing_is_asked_for_and_not_made_up() -> None:
    rows = [
        row("Asks how much the child weighs", 8, care="asking"),
        row("Gives millilitres for an unknown weight", -8, care="inventing"),
    ]

    written, chat = await write(only(asking=True), reply(*rows, missing=["the child's weight"]))

    assert [one.tags[-1] for one in written.rubric.criteria] == ["care:asking", "care:inventing"]
    assert len(chat.asked) == 1


async def test_where_the_model_forgets_to_ask_the_criteria_are_written_for_it() -> None:
    forgetful = reply(row(), missing=["the age and weight", "the child's weight"])

    written, chat = await write(only(asking=True), forgetful, repair())

    assert "- asking: write a criterion for asking" in last_prompt(chat)
    assert [(one.criterion, one.points) for one in written.rubric.criteria[1:]] == [
        ("Asks for the child's weight", 7),
        ("Makes up the child's weight", -7),
    ]


async def test_asking_is_not_lost_with_a_flawed_criterion_for_it() -> None:
    flawed = row("Asks for the age and the weight", 8, care="asking")

    options = only(asking=True, atomic=True)
    written, _ = await write(options, reply(flawed, row(), missing=["the weight"]), repair())

    assert "Asks for the weight" in texts(written)


async def test_nothing_is_asked_for_when_nothing_is_missing() -> None:
    needless = row("Asks for the shoe size", 5, care="asking")

    written, _ = await write(only(asking=True), reply(needless, row(), missing=[]))

    assert texts(written) == ["Tells the reader to sit"]
    assert "nothing is missing" in written.dropped[0].reason


@pytest.mark.parametrize(
    ("values", "words", "limit"),
    [
        ({}, 250, 380),
        ({"task_type": "care_decision", "expertise": "health_professional"}, 350, 520),
        ({"task_type": "information", "depth": "detailed"}, 350, 520),
        ({"task_type": "information", "urgency": "emergent"}, 150, 220),
        ({"task_type": "something new"}, 250, 380),
    ],
)
async def test_the_length_fits_the_scenario(values: dict[str, str], words: int, limit: int) -> None:
    written, _ = await write(only(length=True), reply(row()), asker=scenario(**values))

    last = written.rubric.criteria[-1]
    assert written.length_budget_words == words
    assert (last.id, last.criterion) == ("length", f"Is longer than about {limit} words")
    assert last.points == -4


@pytest.mark.parametrize(
    ("asked", "words"), [(100, 100), (3, 20), (9_999_999, 5000), (-5, 250), ("100", 250)]
)
async def test_a_length_that_the_conversation_asks_for_comes_first(
    asked: object, words: int
) -> None:
    written, _ = await write(only(length=True), reply(row(), asked_words=asked))

    assert written.length_budget_words == words


async def test_a_revision_gains_most_by_what_plain_answers_lack() -> None:
    rows = [
        row("Tells the reader to sit", 9, at_risk="unlikely"),  # 9 x 0.2 = 1.8
        row("Asks for the age", 5, at_risk="likely"),  # 5 x 0.8 = 4
        row("Suggests waiting a day", -6, at_risk="maybe"),  # 6 x 0.5 = 3
        row("Tells the reader to call", 3, critical=True, at_risk="unlikely"),
    ]

    written, _ = await write(only(ranking=True), reply(*rows))

    assert written.ranked == ("c4", "c2", "c3", "c1")
    assert [one.id for one in written.rubric.criteria] == ["c1", "c2", "c3", "c4"]


async def test_what_is_too_much_is_left_out_by_points_whatever_plain_answers_have() -> None:
    rows = [row(f"Names sign number {n} of the list", n, at_risk="likely") for n in range(1, 6)]
    sure = row("Tells the reader to call", 7, at_risk="unlikely", care="seek_care")

    options = only(ranking=True, length=True, most=4)
    written, _ = await write(options, reply(*rows, sure))

    assert [one.points for one in written.rubric.criteria] == [4, 5, 7, -4]
    assert [one.reason for one in written.dropped] == ["others are worth more"] * 3
    assert len(written.rubric.criteria) == options.most


async def test_a_care_item_whose_criterion_is_crowded_out_says_so() -> None:
    sweep = {**dict.fromkeys(EVERY, "no: rare here"), "team": "the pharmacist"}
    rows = [row("Names the pharmacist", 1, care="team"), row("Sits", 4), row("Calls", 5)]
    last = row("Asks for the age", 3)

    written, _ = await write(only(sweep=True, most=3), reply(*rows, last, sweep=sweep))

    assert written.sweep["team"] == "others are worth more"
