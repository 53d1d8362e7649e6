import pytest

from rubrics.rubric_lint import rubric_findings
from rubrics.signs import wrong_sign
from rubrics.types import Criterion


def criteria(*texts: str, points: float = 5) -> list[Criterion]:
    return [
        Criterion(id=f"c{place}", criterion=text, points=points) for place, text in enumerate(texts)
    ]


def kinds(*texts: str, answers: tuple[str, ...] = (), points: float = 5) -> list[tuple[int, str]]:
    found = rubric_findings(criteria(*texts, points=points), answers)
    return [(place, finding.kind) for place, finding in found]


@pytest.mark.parametrize(
    "harm",
    [
        "Advises giving aspirin to an infant",
        "Recommends honey for an infant with a cough",
        "Suggests an adult dose for a toddler",
        "Recommends aspirin for a child with chickenpox",
        "Fails to ask about allergies",
        "Incorrectly states that antibiotics cure colds",
        "Provides inaccurate dosing",
        "Advises ibuprofen although she is pregnant",
        "Tells the reader to stop the steroid abruptly",
        "Advises doubling the next dose",
        "Downplays the chest pain",
        "Advises the patient to drive himself to the hospital",
    ],
)
def test_a_harm_that_earns_points_is_found_and_one_that_costs_is_not(harm: str) -> None:
    assert kinds(harm) == [(0, "sign")]
    assert wrong_sign(harm, -5) is None


@pytest.mark.parametrize(
    "good",
    [
        "Advises against aspirin for an infant",
        "Warns that honey is unsafe for an infant",
        "Does not recommend an adult dose for a toddler",
        "Explains why aspirin is not given to children",
        "Asks whether the infant was given honey",
        "Corrects the belief that antibiotics cure colds",
        "Advises a hospital check even though he feels well",
        "Tells the reader to stop the bleeding",
        "Identifies the medicine that was stopped abruptly",
        "Advises the parent to give the infant paracetamol",
    ],
)
def test_what_only_resembles_a_harm_passes_in_silence(good: str) -> None:
    assert wrong_sign(good, 5) is None


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("Advises calling an ambulance", True),
        ("Correctly names the maximum dose", True),
        ("Advises calling an ambulance for a mild cold although nothing is urgent", False),
        ("Advises against vaccination", False),
    ],
)
def test_a_good_deed_that_costs_points_is_found(criterion: str, found: bool) -> None:
    assert (wrong_sign(criterion, -5) is not None) is found


def test_criteria_that_say_the_same_are_found_at_the_second() -> None:
    text = "Tells the reader to call the emergency number right now"

    assert kinds(text, "Asks for the age", text.replace("right now", "right now.")) == [
        (2, "duplicate")
    ]
    assert kinds("Names the dose of paracetamol", "Names the dose of ibuprofen") == []


def test_words_of_an_answer_in_a_criterion_are_found() -> None:
    answer = "Sit down and rest while you wait for the ambulance to come."
    leaking = "Says to sit down and rest while you wait for the ambulance"

    assert (0, "leak") in kinds(leaking, answers=(answer,))
    assert (0, "leak") not in kinds("Says to sit down and rest", answers=(answer,))
