from typing import Any

import pytest

from inference.errors import BadInput
from rubrics.types import Rubric

GOOD: dict[str, Any] = {"criterion": "Asks for the age", "points": 3, "tags": []}


def test_a_criterion_without_an_id_is_named_by_its_position() -> None:
    asked = Rubric.from_rows([GOOD, {**GOOD, "id": "age"}, GOOD])

    assert [one.id for one in asked.criteria] == ["c1", "age", "c3"]


def test_points_stay_what_they_were() -> None:
    asked = Rubric.from_rows([GOOD, {**GOOD, "points": 2.5}])

    assert [repr(one.points) for one in asked.criteria] == ["3", "2.5"]


def test_rows_come_back_as_they_were_read() -> None:
    rows = Rubric.from_rows([GOOD]).rows()

    assert Rubric.from_rows(rows).rows() == rows
    assert {key: rows[0][key] for key in GOOD} == GOOD


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "at least one criterion"),
        ({"criterion": "x"}, "rubric: expected"),
        ("text", "rubric is 'text'"),
        ([{**GOOD, "points": 0}], r"rubric\[0\].points is 0; expected a number from -10 to 10"),
        ([GOOD, {**GOOD, "points": 11}], r"rubric\[1\].points"),
        ([{**GOOD, "points": "5"}], r"rubric\[0\].points"),
        ([{**GOOD, "points": True}], r"rubric\[0\].points"),
        ([{**GOOD, "points": float("nan")}], r"rubric\[0\].points"),
        ([{"points": 3}], r"rubric\[0\].criterion: expected a value; it is missing"),
        ([{**GOOD, "criterion": "  "}], r"rubric\[0\].criterion is '  '; expected text"),
        ([{**GOOD, "weight": 3}], r"rubric\[0\].weight: expected no field of that name"),
        ([{**GOOD, "tags": ["a", "a"]}], "each tag once"),
        ([{**GOOD, "id": "c2"}, GOOD], "a different id for each criterion"),
        ([5], r"rubric\[0\]"),
    ],
)
def test_a_malformed_rubric_is_refused_with_place_and_reason(rows: Any, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        Rubric.from_rows(rows)
