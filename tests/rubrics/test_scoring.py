from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.scoring import VerdictMismatch, score
from rubrics.types import Criterion, Rubric, Verdict
from tests.builders import rubric, verdicts


def test_a_met_harmful_criterion_takes_points_away() -> None:
    asked = rubric(calls_ambulance=7, gives_dose=5, says_wait=-6)

    graded = score(asked, verdicts(calls_ambulance=True, gives_dose=False, says_wait=True))

    assert graded.earned == 7 + 0 - 6
    assert graded.possible == 7 + 5
    assert graded.fraction == (7 - 6) / 12
    assert graded.coverage == 1


def test_a_fraction_may_be_negative() -> None:
    graded = score(rubric(good=4, bad=-9), verdicts(good=False, bad=True))

    assert graded.fraction == -9 / 4


def test_an_open_criterion_leaves_no_fraction_but_bounds() -> None:
    asked = rubric(good=6, open_good=4, open_bad=-5)

    graded = score(asked, verdicts(good=True, open_good="ABSTAIN", open_bad="ERROR"))

    assert graded.fraction is None
    assert graded.coverage == 1 / 3
    assert (graded.earned, graded.possible) == (6, 10)
    assert graded.lower == (6 + 0 - 5) / 10
    assert graded.upper == (6 + 4 - 0) / 10


def test_a_partial_score_counts_the_judged_criteria_alone() -> None:
    asked = rubric(good=6, other=2, open=4)

    graded = score(asked, verdicts(good=True, other=False, open="ERROR"), partial=True)

    assert graded.fraction == 6 / (6 + 2)
    assert graded.possible == 6 + 2
    assert (graded.lower, graded.upper) == (6 / 12, 10 / 12)


def test_a_criterion_that_does_not_apply_leaves_both_sums() -> None:
    asked = rubric(good=6, elsewhere=4)

    graded = score(asked, verdicts(good=True, elsewhere="NOT_APPLICABLE"))

    assert (graded.earned, graded.possible, graded.fraction, graded.coverage) == (6, 6, 1, 1)


def test_without_positive_points_there_is_no_fraction() -> None:
    graded = score(rubric(bad=-3), verdicts(bad=True))

    assert graded.earned == -3
    assert (graded.fraction, graded.lower, graded.upper) == (None, None, None)


def test_each_tag_is_scored_over_its_own_criteria() -> None:
    rows = [
        {"criterion": "a", "points": 8, "tags": ["axis:accuracy", "level:example"]},
        {"criterion": "b", "points": -4, "tags": ["axis:accuracy"]},
        {"criterion": "c", "points": 2, "tags": ["level:example"]},
        {"criterion": "d", "points": -1, "tags": ["axis:only_bad"]},
    ]

    graded = score(Rubric.from_rows(rows), verdicts(c1=True, c2=True, c3=False, c4=True))

    assert graded.tags == {"axis:accuracy": (8 - 4) / 8, "level:example": 8 / (8 + 2)}


def test_a_tag_with_an_open_criterion_has_no_fraction_yet() -> None:
    rows = [{"criterion": "a", "points": 8, "tags": ["axis:accuracy"]}]

    assert score(Rubric.from_rows(rows), verdicts(c1="ERROR")).tags == {"axis:accuracy": None}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"good": True}, "missing: bad"),
        ({"good": True, "bad": True, "worse": True}, "not in the rubric: worse"),
        ({}, "missing: good, bad"),
    ],
)
def test_verdicts_for_other_criteria_are_refused(said: dict[str, bool], complaint: str) -> None:
    with pytest.raises(VerdictMismatch, match=complaint):
        score(rubric(good=1, bad=-1), verdicts(**said))


def test_a_verdict_given_twice_is_refused() -> None:
    with pytest.raises(VerdictMismatch, match="given twice: good"):
        score(rubric(good=1), (*verdicts(good=True), *verdicts(good=False)))


VALUES = st.sampled_from(["MET", "UNMET", "ABSTAIN", "ERROR", "NOT_APPLICABLE"])
POINTS = st.integers(-10, 10).filter(bool)


@given(st.lists(st.tuples(POINTS, VALUES), min_size=1, max_size=12))
def test_the_truth_lies_between_the_bounds(rows: list[tuple[int, str]]) -> None:
    """Whatever the open verdicts turn out to be, the full score is within lower and upper."""
    asked = rubric(**{f"c{index}": points for index, (points, _) in enumerate(rows)})
    said = {f"c{index}": value for index, (_, value) in enumerate(rows)}

    bounds = score(asked, verdicts(**said))

    for settled in ("MET", "UNMET"):
        closed = {id: settled if v in ("ABSTAIN", "ERROR") else v for id, v in said.items()}
        full = score(asked, verdicts(**closed))
        if full.fraction is not None:
            assert bounds.lower is not None
            assert bounds.upper is not None
            assert bounds.lower - 1e-9 <= full.fraction <= bounds.upper + 1e-9


@given(st.lists(POINTS, min_size=1, max_size=12), st.randoms())
def test_the_order_of_verdicts_changes_nothing(points: list[int], chance: Any) -> None:
    asked = rubric(**{f"c{index}": value for index, value in enumerate(points)})
    said = list(verdicts(**{one.id: one.points > 2 for one in asked.criteria}))
    shuffled = chance.sample(said, len(said))

    assert score(asked, said) == score(asked, shuffled)


def test_the_fifty_sample_rubrics_score_one_when_all_good_and_nothing_bad_is_met(
    shared_rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    for row in shared_rows("healthbench_sample_50.jsonl"):
        asked = Rubric.from_rows(row["rubrics"])
        best = [_verdict(one, one.points > 0) for one in asked.criteria]
        none = [_verdict(one, False) for one in asked.criteria]
        everything = [_verdict(one, True) for one in asked.criteria]

        total = sum(one.points for one in asked.criteria)
        assert score(asked, best).fraction == 1
        assert score(asked, none).fraction == 0
        assert score(asked, everything).earned == total


def _verdict(criterion: Criterion, met: bool) -> Verdict:
    return Verdict(criterion_id=criterion.id, verdict="MET" if met else "UNMET")
