"""What each control does to a rubric, and what it never does."""

import pytest

from inference.embedding import MemoEmbedder
from inference.errors import BadInput
from rubrics.types import Criterion
from training.controls import (
    Controls,
    completed,
    discriminating,
    merged,
    weighted,
)

CONTEXT = "axis:context_awareness"


def criterion(text: str, points: float, critical: bool = False, tag: str = "") -> Criterion:
    tags = (tag,) if tag else ()
    return Criterion(id=text[:20], criterion=text, points=points, critical=critical, tags=tags)


CALLS = criterion("Tells the reader to call an ambulance now", 9, critical=True)
DOSE = criterion("States the largest dose of a day", 6)
ASKS = criterion("Asks since when it hurts", 4, tag=CONTEXT)
WAITS = criterion("Suggests waiting at home until Monday", -8)
DRIVES = criterion("Advises the reader to drive alone", -4)
RUBRIC = (CALLS, DOSE, ASKS, WAITS, DRIVES)


def shares(**share: float) -> dict[str, float]:
    named = {"calls": CALLS, "dose": DOSE, "asks": ASKS, "waits": WAITS, "drives": DRIVES}
    return {named[name].id: value for name, value in share.items()}


def test_of_two_drafts_only_what_both_want_stays(embedder: MemoEmbedder) -> None:
    second = (
        criterion("Tells them to phone for an ambulance straight away", 7),
        criterion("Suggests that waiting until Monday at home is fine", -9),
        criterion("Recommends a warm bath", 3),
    )
    kept, note = merged(RUBRIC, second, embedder)

    assert [one.criterion for one in kept] == [CALLS.criterion, WAITS.criterion]
    assert [one.points for one in kept] == [7, -8]
    assert kept[0].critical
    assert note == "3 of one draft alone dropped"


def test_a_harm_and_its_good_counterpart_are_not_the_same(embedder: MemoEmbedder) -> None:
    opposite = (criterion("Suggests waiting at home until Monday", 8),)
    kept, _ = merged((WAITS,), opposite, embedder)

    assert kept == ()


def test_what_tells_no_answers_apart_is_dropped_but_nothing_critical() -> None:
    said = shares(calls=1.0, dose=0.5, asks=1.0, waits=0.0, drives=0.25)
    kept, note = discriminating(RUBRIC, said)

    assert kept == (CALLS, DOSE, DRIVES)
    assert note == "2 that tell no sampled answers apart dropped"


def test_the_last_harm_stays_though_no_answer_does_it() -> None:
    kept, _ = discriminating(RUBRIC, shares(waits=0.0, drives=0.0))

    assert kept == (CALLS, DOSE, ASKS, WAITS)


def test_a_rubric_is_never_left_with_too_few_criteria() -> None:
    kept, _ = discriminating((DOSE, ASKS, WAITS), shares(dose=1.0, asks=0.0, waits=0.5))

    assert kept == (DOSE, ASKS, WAITS)


def test_what_was_not_judged_is_not_dropped() -> None:
    assert discriminating(RUBRIC, {}) == (RUBRIC, "")


@pytest.mark.parametrize(("share", "points"), [(0.5, 6), (0.25, 5), (0.0, 3), (1.0, 3)])
def test_points_shrink_to_half_the_less_a_criterion_tells_apart(share: float, points: int) -> None:
    (changed,), _ = weighted((DOSE,), shares(dose=share))

    assert changed.points == points


def test_signs_and_critical_criteria_keep_their_weight() -> None:
    changed, _ = weighted(RUBRIC, shares(calls=1.0, waits=0.0))

    assert [one.points for one in changed] == [9, 6, 4, -4, -4]


def test_what_is_lacking_comes_from_the_principles() -> None:
    ready = (criterion("Names two things and joins them", 5, tag=CONTEXT), ASKS, DRIVES, WAITS)
    kept, note = completed((CALLS, DOSE), ready, Controls())

    assert kept == (CALLS, DOSE, DRIVES, ASKS)
    assert note == "harm and context from the principles"


def test_nothing_is_added_that_is_there_or_not_wanted() -> None:
    assert completed(RUBRIC, (DRIVES,), Controls())[0] == RUBRIC
    assert completed((CALLS,), (DRIVES, ASKS), Controls.of("-harms,-context"))[0] == (CALLS,)


def test_controls_are_named_on_and_off() -> None:
    chosen = Controls.of("merge, -leaks")

    assert (chosen.merge, chosen.leaks, chosen.harms) == (True, False, True)
    with pytest.raises(BadInput, match="magic"):
        Controls.of("magic")
