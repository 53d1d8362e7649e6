"""Emergencies told plainly, calmly, in slang and in other languages; and what only sounds so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.embedding import MemoEmbedder
from inference.messages import Conversation, Message
from inference.vectors import VectorCache
from principle_store.danger_rules import load_rules
from principle_store.loading import load_library, load_taxonomy
from principle_store.memory import InMemoryPrincipleStore
from principle_store.red_flags import RedFlags, is_for_emergencies
from principle_store.search import FLAGGED, PrincipleSearch
from principle_store.types import Library
from rubrics.glossary import Glossaries, load_glossaries
from rubrics.reading import Reading, ScenarioReader
from rubrics.types import Scenario

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def _rows(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


CASES = _rows(HERE / "red_flags.yaml")
MORE = _rows(HERE / "red_flags_more.yaml")
EVERYDAY = _rows(HERE / "everyday.yaml")
EXAMPLES = _rows(ROOT / "rubrics" / "scenario_examples.yaml")
FOUND_UNSEEN = 26  # of 30 in the last round, measured once and written down
MOST_FALSE_ALARMS = 0.05


@pytest.fixture(scope="module")
def flags(library: Library) -> RedFlags:
    return RedFlags(library)


@pytest.fixture(scope="module")
def glossaries() -> Glossaries:
    return load_glossaries()


def _read(case: dict[str, Any], glossaries: Glossaries) -> Reading:
    """As the scenario readers read it, without a scenario: the rule asks for none."""
    earlier = tuple(Message(role="user", content=turn) for turn in case.get("earlier", ()))
    conversation = Conversation.of(case["question"], earlier)
    language = glossaries.language(conversation.question)
    english = glossaries.english(conversation.recent, language)
    return Reading(
        language=language,
        written=conversation.recent,
        english=english,
        context=english,
        scenario=Scenario(labels={}),
    )


def _missed(cases: list[Any], flags: RedFlags, glossaries: Glossaries) -> list[str]:
    return [
        case["question"]
        for case in cases
        if not set(flags.raised(_read(case, glossaries))) & set(case["principles"])
    ]


def _everyday(number: int) -> Iterator[str]:
    return (question for asked in EVERYDAY[number].values() for question in asked)


def _alarms(questions: list[str], flags: RedFlags, glossaries: Glossaries) -> list[str]:
    return [one for one in questions if flags.raised(_read({"question": one}, glossaries))]


def test_every_written_emergency_raises_its_principle_by_rule_alone(
    flags: RedFlags, glossaries: Glossaries
) -> None:
    assert len(CASES) == 60
    assert _missed(CASES, flags, glossaries) == []


def test_most_emergencies_that_the_rule_was_not_made_on_raise_theirs(
    flags: RedFlags, glossaries: Glossaries
) -> None:
    unseen = [case for case in MORE if case["round"] == 4]

    missed = _missed(unseen, flags, glossaries)

    assert len(unseen) == 30
    assert len(unseen) - len(missed) >= FOUND_UNSEEN, missed


def test_emergencies_it_was_improved_on_stay_found(flags: RedFlags, glossaries: Glossaries) -> None:
    seen = [case for case in MORE if case["round"] < 4]

    assert len(seen) == 60 + 30 + 30
    assert len(_missed(seen, flags, glossaries)) <= 120 - (57 + 28 + 30)


def test_everyday_questions_seldom_raise_any(flags: RedFlags, glossaries: Glossaries) -> None:
    first, second = list(_everyday(1)), list(_everyday(2))

    alarms = _alarms([*first, *second], flags, glossaries)

    assert (len(first), len(second)) == (150, 38)
    assert len(alarms) <= MOST_FALSE_ALARMS * (150 + 38), alarms


def test_example_questions_without_an_emergency_seldom_raise_any(
    flags: RedFlags, glossaries: Glossaries
) -> None:
    calm = [one["question"] for one in EXAMPLES if one["urgency"] == "non_emergent"]

    alarms = _alarms(calm, flags, glossaries)

    assert len(alarms) <= 0.03 * len(calm), alarms


async def test_the_principle_for_an_emergency_is_found(
    library: Library, embedder: MemoEmbedder, reader: ScenarioReader, cached: VectorCache
) -> None:
    search = PrincipleSearch(InMemoryPrincipleStore(library, embedder, cached))
    for case in CASES:
        reading = await reader.read(Conversation.of(case["question"]))

        found = await search.find(reading, 8)

        raised = set(search.raised(reading))
        flagged = [one for one in found if one.principle.id in raised]
        assert {one.principle.id for one in found} & set(case["principles"]), case["question"]
        assert len(flagged) >= min(FLAGGED, len(raised)), case["question"]
        assert all(one.on_topic for one in flagged[:FLAGGED]), case["question"]
        first = {one.principle.id for one in found[: min(FLAGGED, len(raised))]}
        assert first <= raised, case["question"]


@pytest.mark.parametrize(
    ("question", "id"),
    [
        ("his mouth is drooping since breakfast", "stroke-signs-call-now"),
        ("Drooping... of the mouth?", "stroke-signs-call-now"),
        ("a mi padre se le torció la boca", "stroke-signs-call-now"),
        ("She is eleven weeks old, the baby, and has 38.2", "fever-under-3-months-examine-now"),
        ("Mein Baby, 5 Wochen alt, hat 39,1 Fieber", "fever-under-3-months-examine-now"),
        ("20 tablets of paracetamol since noon, is that bad?", "poisoning-call-before-symptoms"),
        ("I soak a pad every hour since I gave birth", "postpartum-bleeding-or-psychosis-now"),
        ("my grandad fell, he takes warfarin", "blood-thinner-bleeding-and-mixing"),
        ("he cant be woken and does not breath properly, no brething at all", None),
    ],
)
def test_words_in_any_order_with_other_endings_and_figures_raise_a_flag(
    flags: RedFlags, glossaries: Glossaries, question: str, id: str | None
) -> None:
    raised = flags.raised(_read({"question": question}, glossaries))

    assert id in raised if id else raised


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (
            "My baby is 14 weeks old and has 38.2 since noon.",
            "three months and more is another rule",
        ),
        ("My baby is 8 weeks old and has 37.2.", "no fever"),
        ("Grandad fell two years ago. He takes warfarin.", "long past"),
        ("She has no chest pain and no sweating this morning.", "denied"),
        ("What are the signs of a drooping mouth?", "asked in general"),
        ("Translate for a leaflet: his mouth is drooping.", "about a text"),
        ("How many vegetables should I eat a day?", "nothing of the kind"),
        ("Wie viel Gemüse soll ich am Tag essen?", "nothing of the kind"),
        ("Please translate this letter into French.", "nothing of the kind"),
    ],
)
def test_what_is_denied_past_general_or_below_a_threshold_raises_none(
    flags: RedFlags, glossaries: Glossaries, question: str, why: str
) -> None:
    raised = flags.raised(_read({"question": question}, glossaries))

    urgent = [id for id in raised if id != "fever-in-older-child-behaviour"]
    assert urgent == [], why


def test_a_word_typed_wrong_by_one_letter_is_understood(
    flags: RedFlags, glossaries: Glossaries
) -> None:
    question = "his fase is droping on one side and his speach is slured"

    assert "stroke-signs-call-now" in flags.raised(_read({"question": question}, glossaries))


def test_only_critical_principles_of_the_library_have_rules(library: Library) -> None:
    urgent = {one.id for one in library.principles if is_for_emergencies(one)}

    assert set(load_rules().dangers) <= urgent


@settings(max_examples=200, deadline=None)
@given(written=st.text(max_size=300), language=st.sampled_from(["en", "zh", "ar", "hi", "xx"]))
def test_any_text_at_all_is_read(written: str, language: str) -> None:
    reading = Reading(
        language=language,
        written=written,
        english=written,
        context=written,
        scenario=Scenario(labels={}),
    )

    raised = _SHARED.raised(reading)

    assert list(raised) == sorted(set(raised))


_SHARED = RedFlags(load_library(load_taxonomy()))
