"""What is held out of a rubric, and what is dropped for a step."""

from tests.builders import rubric
from training.rubric_parts import thinned, without_held_out

TEN = rubric(**{f"item_{place}": place + 1 for place in range(10)})


def test_the_same_criteria_are_held_out_each_time() -> None:
    first, again = (without_held_out(TEN, 0.3, seed=1) for _ in range(2))

    assert first == again
    assert len(first.criteria) == 7
    assert first != without_held_out(TEN, 0.3, seed=2)


def test_other_criteria_are_dropped_at_other_steps() -> None:
    kept = [thinned(TEN, 0.3, seed=1, step=step) for step in range(20)]

    assert {len(one.criteria) for one in kept} == {7}
    assert len(set(kept)) > 10
    assert {one.id for part in kept for one in part.criteria} == {one.id for one in TEN.criteria}


def test_what_is_critical_and_something_to_earn_always_stay() -> None:
    few = rubric(helps=5, harms=-4, harms_too=-4)
    critical = [one.model_copy(update={"critical": one.id == "harms"}) for one in few.criteria]

    for seed in range(20):
        kept = without_held_out(few.model_copy(update={"criteria": tuple(critical)}), 0.9, seed)
        assert {"helps", "harms"} <= {one.id for one in kept.criteria}


def test_nothing_is_taken_where_nothing_is_asked_for() -> None:
    assert without_held_out(TEN, 0.0) == TEN
    assert thinned(TEN, 0.0, seed=1, step=5) == TEN
