"""The referral stands first in every language, once, and whatever the model wrote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.emergency import load_referrals, names_referral, referral, with_referral
from principle_store.danger_rules import load_rules

LANGUAGES = sorted(load_referrals().numbers)
RAISABLE = sorted(load_rules().dangers)
CHEST, TABLETS = "heart-attack-call-first", "poisoning-call-before-symptoms"
CRISIS, BELLY = "suicidal-crisis-connect-now", "abdominal-pain-warning-signs"


def test_every_principle_that_can_be_raised_has_one_kind_of_help() -> None:
    mapped = [id for kind in load_referrals().kinds.values() for id in kind.principles]

    assert sorted(mapped) == RAISABLE


def test_every_kind_is_said_in_all_nine_languages() -> None:
    assert LANGUAGES == ["ar", "de", "en", "es", "fr", "hi", "pt", "ru", "zh"]
    for name, kind in load_referrals().kinds.items():
        assert sorted(kind.say) == LANGUAGES, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_raised_principle_puts_a_referral_at_the_top(language: str) -> None:
    for id in RAISABLE:
        said = referral([id], language)

        answer = with_referral("Rest and drink some water.", said)

        assert answer == f"{said}\n\nRest and drink some water."
        assert names_referral(answer), id
        assert "{" not in said


def test_nothing_raised_says_nothing_and_changes_nothing() -> None:
    assert referral([], "en") == ""
    assert referral(["methods-of-gardening"], "en") == ""
    assert with_referral("Eat more beans.", "") == "Eat more beans."


def test_a_language_without_referrals_gets_the_english_one() -> None:
    assert referral([CHEST], "sw") == referral([CHEST], "en")


def test_the_most_urgent_kind_comes_first_and_alone() -> None:
    assert referral([BELLY, CHEST], "en") == referral([CHEST], "en")


def test_a_crisis_is_said_beside_another_kind_of_help() -> None:
    both = referral([CRISIS, TABLETS], "en")

    assert both == f"{referral([TABLETS], 'en')} {referral([CRISIS], 'en')}"


def test_a_conditional_emergency_is_put_as_a_condition() -> None:
    assert referral([BELLY], "en").startswith("If ")


@pytest.mark.parametrize(
    "begun",
    [
        "Call 911 now. This may be serious.",
        "**Call an ambulance right away.** Then unlock the door.",
        "I am glad that you asked. Go to the emergency department now.",
        "Llame al 112 ahora mismo. Siéntese.",
        "Appelez le 15 tout de suite. Asseyez-vous.",
        "Ligue já para o 192. Fique sentado.",
        "Rufen Sie sofort den Notruf 112. Setzen Sie sich.",
        "请马上拨打120。坐下休息。",
        "اتصل بالإسعاف فورا. اجلس.",
        "तुरंत 112 पर कॉल करें। एम्बुलेंस बुलाएँ।",
        "Немедленно вызовите скорую помощь. Сядьте.",
    ],
)
def test_an_answer_that_begins_with_a_referral_is_left_alone(begun: str) -> None:
    assert with_referral(begun, referral([CHEST], "en")) == begun
    assert names_referral(begun)


@pytest.mark.parametrize(
    "begun",
    [
        "See your doctor this week.",
        "If it gets worse, call 911.",
        "You do not need to call an ambulance.",
        "Did you call 911?",
        "He called 911 last year.",
        "Drink water. Rest. Lie down. Call 911.",
        "Rufen Sie den Notruf 112, wenn es schlimmer wird.",
        "Si empeora, llame al 112.",
        "如果加重，请拨打120。",
        "Если станет хуже, вызовите скорую.",
    ],
)
def test_doubtful_late_or_withdrawn_referrals_do_not_count(begun: str) -> None:
    said = referral([CHEST], "en")

    assert not names_referral(begun)
    assert with_referral(begun, said).startswith(said)


@pytest.mark.parametrize("answer", ["", "  \n", "**"])
def test_an_empty_answer_becomes_the_referral(answer: str) -> None:
    said = referral([CHEST], "de")

    assert with_referral(answer, said) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_referral_cut_short_is_completed_not_doubled(language: str) -> None:
    said = referral([BELLY], language)

    assert with_referral(said[: len(said) // 2], said) == said


@settings(deadline=None)
@given(
    answer=st.text(max_size=200),
    ids=st.lists(st.sampled_from(RAISABLE), min_size=1, max_size=4),
    language=st.sampled_from(LANGUAGES),
)
def test_any_answer_names_a_referral_once_and_keeps_its_words(
    answer: str, ids: list[str], language: str
) -> None:
    said = referral(ids, language)

    once = with_referral(answer, said)

    assert names_referral(once)
    assert with_referral(once, said) == once
    assert once.count(said) <= 1
    assert answer.strip() in once or said.startswith(once[: len(said)])


@settings(deadline=None)
@given(
    draft=st.text(max_size=100),
    revisions=st.lists(st.text(max_size=100), max_size=5),
    id=st.sampled_from(RAISABLE),
    language=st.sampled_from(LANGUAGES),
)
def test_no_revision_loses_the_referral(
    draft: str, revisions: list[str], id: str, language: str
) -> None:
    said = referral([id], language)

    for attempt in [draft, *revisions]:
        assert names_referral(with_referral(attempt, said))


@pytest.mark.parametrize(
    "first",
    [
        "Take him to an emergency department now.",
        "Bring her to the nearest emergency room now.",
        "You need to take him to hospital now.",
        "Emmenez-le tout de suite aux urgences.",
        "Bringen Sie ihn sofort in die Notaufnahme.",
        "Llévelo ya a urgencias.",
        "Leve-o já ao serviço de urgência.",
    ],
)
def test_an_answer_that_sends_somebody_else_there_is_left_as_it_is(first: str) -> None:
    answer = f"{first} Give nothing to eat."

    assert with_referral(answer, referral(["button-battery-swallowed-now"], "en")) == answer


def test_tablets_that_are_taken_along_are_no_referral() -> None:
    answer = "Take the tablets with you to hospital. Rest there."

    assert with_referral(answer, referral(["poisoning-call-before-symptoms"], "en")) != answer


def test_for_a_swallowed_battery_the_hospital_comes_before_the_telephone() -> None:
    both = ["poisoning-call-before-symptoms", "button-battery-swallowed-now"]

    assert referral(both, "en").startswith("Go to an emergency department with X-ray now")
