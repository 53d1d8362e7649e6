import pytest

from rubrics.lint import findings


def kinds(criterion: str) -> list[str]:
    return [finding.kind for finding in findings(criterion)]


@pytest.mark.parametrize(
    ("criterion", "kind"),
    [
        ("Tells the reader to call and to unlock the door", "compound"),
        ("Names the dose; names the maximum", "compound"),
        ("Does not advise waiting without asking for the age", "double negative"),
        ("Gives appropriate advice", "vague"),
        ("States that the maximum dose is 4 a day", "dose without unit"),
        ("Gives a dose of 0.5 adrenaline", "dose without unit"),
        ("Says to take 500 every six hours", "dose without unit"),
    ],
)
def test_what_is_wrong_is_named(criterion: str, kind: str) -> None:
    assert kinds(criterion) == [kind]


@pytest.mark.parametrize(
    "criterion",
    [
        "Tells the reader to call the emergency number now",
        "States that the maximum dose for an adult is 4 g a day",
        "Gives 0.5 mg of adrenaline into the thigh",
        "Says to take one tablet every 6 hours",
        "Gives a risk as a count out of a whole, such as 3 in 100 people",
        "Explains the benefits and harms of screening",
        "Advises against stopping the medicine",
        'Repeats the phrase "salt and pepper" of the source',
        "Tells the reader to cool the burn for 20 minutes",
        "States a temperature of 38 °C or higher",
        "Names a dose of 10-15 mg/kg of paracetamol",
        "Gives the dose in 2 to 3 divided doses",
        "Takes the 2023 guideline of the society as its source",
    ],
)
def test_what_is_right_passes_in_silence(criterion: str) -> None:
    assert kinds(criterion) == []
