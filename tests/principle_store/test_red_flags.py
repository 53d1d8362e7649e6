"""Emergencies told plainly, calmly, in slang and in other languages."""

from pathlib import Path

import pytest
import yaml

from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.vectors import VectorCache
from principle_store.memory import InMemoryPrincipleStore
from principle_store.red_flags import RedFlags
from principle_store.search import PrincipleSearch
from principle_store.types import Library
from rubrics.reading import ScenarioReader

CASES = yaml.safe_load((Path(__file__).parent / "red_flags.yaml").read_text(encoding="utf-8"))
FOUND_BEFORE = 53  # of 60; the missed ones tell the danger without naming any of it


async def test_the_principle_for_an_emergency_is_found(
    library: Library, embedder: MemoEmbedder, reader: ScenarioReader, cached: VectorCache
) -> None:
    search = PrincipleSearch(InMemoryPrincipleStore(library, embedder, cached))
    missed = []
    for case in CASES:
        found = await search.find(await reader.read(Conversation.of(case["question"])), 8)
        if not {one.principle.id for one in found} & set(case["principles"]):
            missed.append(case["question"])

    assert len(CASES) == 60
    assert len(CASES) - len(missed) >= FOUND_BEFORE, missed


@pytest.mark.parametrize(
    ("question", "id"),
    [
        ("his mouth is drooping since breakfast", "stroke-signs-call-now"),
        ("Drooping... of the mouth?", "stroke-signs-call-now"),
        ("a mi padre se le torció la boca", "stroke-signs-call-now"),
    ],
)
async def test_words_in_any_order_and_with_other_endings_raise_a_flag(
    library: Library, reader: ScenarioReader, question: str, id: str
) -> None:
    assert id in RedFlags(library).raised(await reader.read(Conversation.of(question)))


async def test_an_everyday_question_raises_none(library: Library, reader: ScenarioReader) -> None:
    flags = RedFlags(library)

    for question in (
        "How many vegetables should I eat a day?",
        "Wie viel Gemüse soll ich am Tag essen?",
        "Please translate this letter into French.",
    ):
        assert flags.raised(await reader.read(Conversation.of(question))) == []
