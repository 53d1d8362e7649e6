import pytest

from inference.messages import Message
from rubrics.agreement import (
    Labelled,
    agreement,
    among_people,
    area_under_curve,
    balanced_accuracy,
    kappa,
)
from rubrics.isotonic import fitted, looked_up
from rubrics.passport import passport_for
from rubrics.types import Verdict


def test_each_pair_of_a_verdict_and_a_label_counts_once() -> None:
    found = agreement([True, True, False, None], [[True, False], [True], [False, False], [True]])

    # Pairs: TT TF TT FF FF. Met: 2 right, 1 only said, 0 only labelled. Not met: 2 right, 1 beside.
    assert (found.n, found.ungraded) == (5, 1)
    assert found.f1_positive == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert found.f1_negative == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert found.f1_balanced == pytest.approx(4 / 5)
    # Observed 4/5; said met 3/5, labelled met 2/5: by chance 6/25 + 6/25.
    assert found.kappa == pytest.approx((4 / 5 - 12 / 25) / (1 - 12 / 25))


def test_what_is_undefined_is_none_and_never_zero() -> None:
    nothing = agreement([None], [[True]])
    one_sided = agreement([True, True], [[True], [True]])

    assert (nothing.f1_balanced, nothing.kappa, nothing.n) == (None, None, 0)
    assert (one_sided.f1_positive, one_sided.f1_negative) == (1.0, None)
    assert one_sided.f1_balanced is None
    assert kappa([(True, True)]) is None


def test_physicians_are_compared_with_each_other() -> None:
    found = among_people([[True, True], [True, False], [False]])

    assert found is not None
    assert found.n == 2
    assert found.f1_positive == pytest.approx(2 * 2 / (2 * 2 + 2))  # both ways round
    assert among_people([[True], [False]]) is None


def test_a_rising_curve_is_kept_and_neighbours_out_of_order_are_pooled() -> None:
    steps = fitted([(0.1, False), (0.4, True), (0.5, False), (0.9, True)])

    assert [one.raw for one in steps] == pytest.approx([0.1, 0.45, 0.9])
    assert [one.value for one in steps] == [0, 0.5, 1]
    assert looked_up(steps, 0.0) == 0
    assert looked_up(steps, 0.45) == 0.5
    assert looked_up(steps, 0.675) == pytest.approx(0.75)
    assert looked_up(steps, 1.0) == 1


def row(*labels: bool, category: str = "") -> Labelled:
    asked = (Message(role="user", content="Is it safe?"),)
    return Labelled(
        prompt=asked, completion="No.", criterion="Says no", labels=labels, category=category
    )


def test_a_passport_holds_the_agreement_families_and_what_probabilities_mean() -> None:
    rows = [row(True, category="safety"), row(False, category="safety"), row(True)]
    verdicts = [
        Verdict(criterion_id="c1", verdict="MET"),
        Verdict(criterion_id="c1", verdict="MET"),
        Verdict(criterion_id="c1", verdict="ABSTAIN"),
    ]

    passport = passport_for("a judge", "its fingerprint", "rows", rows, verdicts)

    assert (passport.agreement.n, passport.agreement.ungraded) == (2, 1)
    assert passport.families["safety"].precision == 1 / 2
    assert passport.families["safety"].recall == 1
    assert passport.calibrated(1.0) == 1 / 2
    assert str(passport) == (
        "balanced F1 0.33, kappa 0.00 with physicians on the 67% of 3 rows it answered"
    )


def test_balanced_accuracy_is_one_half_for_who_says_the_same_of_everything() -> None:
    labels = [True, True, True, False]

    assert balanced_accuracy([(True, one) for one in labels]) == 0.5
    # Two of three met ones, and the one unmet.
    told = list(zip([True, True, False, False], labels, strict=True))
    assert balanced_accuracy(told) == pytest.approx((2 / 3 + 1) / 2)
    assert balanced_accuracy([(True, True)]) is None


def test_the_area_under_the_curve_is_the_share_of_pairs_in_the_right_order() -> None:
    labels = [True, True, False, False]

    # Of four pairs: .9 > .5, .9 > .1, .5 = .5 counts half, .5 > .1.
    assert area_under_curve([0.9, 0.5, 0.5, 0.1], labels) == pytest.approx(3.5 / 4)
    assert area_under_curve([0.1, 0.2, 0.8, 0.9], labels) == 0.0
    assert area_under_curve([1.0, 1.0, 1.0, 1.0], labels) == 0.5
    assert area_under_curve([0.3], [True]) is None
