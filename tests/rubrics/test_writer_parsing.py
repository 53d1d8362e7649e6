import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rubrics.errors import UnreadableReply
from rubrics.rubric_lint import rubric_findings
from rubrics.writer import WriterOptions
from rubrics.writing_care import CareLists
from rubrics.writing_mending import completed, flaws_of, mended, without
from rubrics.writing_ranking import fitted, ranked
from rubrics.writing_reading import answers_in, decided, rough_in
from rubrics.writing_shapes import repair_schema, rubric_schema
from tests.rubrics.writing_replies import EVERY, HINTS, scenario

OPTIONS = WriterOptions()
# No example is held to a time: a busy machine would fail it.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.sampled_from(
    [None, True, 0, -1, 7, 2.5, 10**9, "", "no: rare", "likely", [], ["fever"], {}, {"doses": 1}]
)
WORDS = st.sampled_from(
    ["Names", "fever", "and", "rash", "no", "not", "appropriate", "as well as", "4", "{{slot}}"]
)
SENTENCE = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
CARE = st.sampled_from(["asking", "inventing", "doses", "other"])
USABLE = st.fixed_dictionaries(
    {
        "criterion": SENTENCE,
        "points": st.integers(1, 10) | st.integers(-10, -1),
        "care": CARE,
        "replaces": st.integers(0, 3),
    },
    optional={
        "critical": st.booleans() | JSON,
        "principle": st.integers(-3, 4) | JSON,
        "at_risk": st.sampled_from(["likely", "unlikely"]) | JSON,
    },
)
ODD = st.dictionaries(st.sampled_from(["criterion", "points", "care", "replaces"]), JSON)
ROWS = st.builds(
    lambda usable, odd: [*odd[:1], *usable, *odd[1:]],
    st.lists(USABLE, min_size=1, max_size=5),
    st.lists(ODD | JSON, max_size=2),
)


REPLIES = st.fixed_dictionaries(
    {"criteria": ROWS},
    optional={
        "sweep": st.dictionaries(st.sampled_from(sorted(EVERY)), SENTENCE | JSON) | JSON,
        "missing": st.lists(SENTENCE | JSON) | JSON,
        "asked_words": st.integers(-5, 9000) | JSON,
    },
).map(json.dumps)
NONSENSE = st.dictionaries(st.sampled_from(["criteria", "sweep", "missing"]), JSON).map(json.dumps)


@patient
@given(REPLIES | NONSENSE | st.text())
def test_whatever_a_model_replies_is_a_rubric_or_unreadable(text: str) -> None:
    try:
        rough = rough_in(text, HINTS, EVERY, OPTIONS)
    except UnreadableReply:
        return

    kept, crowded_out = fitted(rough.proposed, OPTIONS.places)
    assert len(kept) + len(crowded_out) == len(rough.proposed)
    assert len(kept) <= OPTIONS.places
    assert [one.criterion.id for one in kept] == [f"c{n}" for n in range(1, len(kept) + 1)]
    assert sorted(ranked(kept)) == sorted(one.criterion.id for one in kept)
    assert set(decided(rough.decisions or {}, EVERY, kept, crowded_out)) == set(EVERY)
    assert 0 <= rough.asked_words <= 5000
    assert len(rough.missing) <= 3


@patient
@given(REPLIES, REPLIES | NONSENSE | st.text())
def test_whatever_a_repair_says_the_linter_finds_nothing_in_what_is_left(
    text: str, repairing: str
) -> None:
    try:
        rough = rough_in(text, HINTS, EVERY, OPTIONS)
        flaws = flaws_of(rough.proposed, (), atomic=True)
        rough = mended(rough, repairing, flaws, ["doses", "asking"])
    except UnreadableReply:
        return

    rough = completed(rough)
    rough = without(rough, flaws_of(rough.proposed, (), atomic=True))
    assert list(rubric_findings([one.criterion for one in rough.proposed])) == []


@patient
@given(
    st.text()
    | st.dictionaries(st.sampled_from(["first", "second"]), st.text(max_size=40) | JSON).map(
        json.dumps
    )
)
def test_whatever_is_said_for_two_answers_is_read_or_unreadable(text: str) -> None:
    try:
        first, second = answers_in(text)
    except UnreadableReply:
        return
    assert first != second


@pytest.mark.parametrize("task", [*CareLists.shipped().care, "unheard_of", ""])
@pytest.mark.parametrize("urgency", ["", "emergent", "non_emergent"])
def test_every_scenario_has_a_list_a_length_and_stances(task: str, urgency: str) -> None:
    lists, asker = CareLists.shipped(), scenario(task_type=task, urgency=urgency)

    items = lists.items(asker)
    assert 8 <= len(items) <= 13
    assert all(question.endswith("?") for question in items.values())
    assert 100 <= lists.words(asker) <= 500
    assert lists.opposed(asker).first != lists.opposed(asker).second


def test_in_an_emergency_the_call_for_help_comes_first() -> None:
    lists = CareLists.shipped()

    items = lists.items(scenario(task_type="information", urgency="emergent"))

    assert list(items)[:3] == ["conclusion", "first_steps", "avoid"]
    assert items["conclusion"] == "Who is to be called, said within the first two sentences?"
    assert "figures" in items


def test_the_care_lists_know_the_task_types_of_the_taxonomy(taxonomy: Any) -> None:
    tasks = set(taxonomy["task_type"].values)

    assert set(CareLists.shipped().care) == tasks | {"any"}
    assert set(CareLists.shipped().length) == tasks | {"any"}


@pytest.mark.parametrize("options", [OPTIONS, WriterOptions.plain()])
def test_the_schemas_are_strict_and_flat(options: WriterOptions) -> None:
    for schema in (rubric_schema(EVERY, options), repair_schema(["doses", "asking"], 9)):
        jsonschema.Draft202012Validator.check_schema(schema)
        row = schema["properties"]["criteria"]["items"]
        assert schema["additionalProperties"] is row["additionalProperties"] is False
        assert set(row["required"]) == set(row["properties"])
        assert all(one["type"] != "object" for one in row["properties"].values())
