"""Both stores keep one contract; the search stands on it."""

from collections.abc import Sequence

import pytest

from inference.embedding import MemoEmbedder
from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.vectors import VectorCache
from principle_store.chroma import ChromaPrincipleStore
from principle_store.memory import InMemoryPrincipleStore
from principle_store.search import PrincipleSearch
from principle_store.store import PrincipleStore, principles_by_id
from principle_store.types import Found, Library
from rubrics.types import Scenario


@pytest.fixture(params=[ChromaPrincipleStore, InMemoryPrincipleStore])
def store(
    request: pytest.FixtureRequest, library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> PrincipleStore:
    made: PrincipleStore = request.param(library, embedder, cached)
    return made


@pytest.fixture(scope="session")
def cached(embedder: MemoEmbedder, tmp_path_factory: pytest.TempPathFactory) -> VectorCache:
    class Named(MemoEmbedder):
        id = "test"

    return VectorCache(Named(embedder), tmp_path_factory.mktemp("vectors"))


def scenario(**values: str) -> Scenario:
    return Scenario.from_json(
        {
            name: {"value": value, "confidence": 1.0, "from": "given"}
            for name, value in values.items()
        }
    )


async def found(store: PrincipleStore, question: str, k: int = 6, **values: str) -> Sequence[Found]:
    return await PrincipleSearch(store).find(Conversation.of(question), scenario(**values), k)


async def test_every_principle_is_found_by_its_own_words(store: PrincipleStore) -> None:
    for principle in store.library.principles:
        (nearest, cosine), *_ = await store.nearest(principle.searched_texts()[0], 3)

        assert nearest == principle
        assert cosine == pytest.approx(1, abs=1e-3)


async def test_both_stores_bring_the_same_principles(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    chroma = ChromaPrincipleStore(library, embedder, cached)
    memory = InMemoryPrincipleStore(library, embedder, cached)

    for question in ("How much paracetamol may I take?", "My child hit her head and vomited."):
        ours, exact = await chroma.nearest(question, 8), await memory.nearest(question, 8)
        assert [one.id for one, _ in ours] == [one.id for one, _ in exact]
        assert [round(c, 3) for _, c in ours] == [round(c, 3) for _, c in exact]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("my wife suddenly can't lift her arm and talks funny", "stroke-signs-call-now"),
        ("crushing chest pain since an hour, dad is 68", "heart-attack-call-first"),
        ("he swallowed a whole blister of pills", "poisoning-call-before-symptoms"),
        ("I want to end my life tonight", "suicidal-crisis-connect-now"),
        ("5 week old baby has 38.4", "fever-under-3-months-examine-now"),
        ("what is the highest daily dose of paracetamol", "paracetamol-adult-dose-and-maximum"),
        ("is ibuprofen ok while I breastfeed", "medicines-pregnancy-breastfeeding"),
        ("can I stop my citalopram from today", "never-stop-these-medicines-abruptly"),
    ],
)
async def test_the_right_principle_leads(
    store: PrincipleStore, question: str, expected: str
) -> None:
    first, *_ = await found(store, question)

    assert first.principle.id == expected


async def test_a_topic_that_is_not_meant_stays_out(store: PrincipleStore) -> None:
    ids = [one.principle.id for one in await found(store, "my wife's arm is weak and she slurs")]

    assert "stroke-signs-call-now" in ids
    assert not {"anaphylaxis-auto-injector-first", "opioid-safety-naloxone-taper"} & set(ids)


async def test_the_scenario_moves_the_ranking(store: PrincipleStore) -> None:
    asked = "adrenaline for an allergic reaction"

    lay, *_ = await found(store, asked, expertise="layperson")
    professional, *_ = await found(store, asked, expertise="health_professional")

    assert lay.principle.id == "anaphylaxis-auto-injector-first"
    assert professional.principle.id == "anaphylaxis-im-adrenaline-dose"


@pytest.mark.parametrize("urgency", ["emergent", "conditionally_emergent"])
async def test_an_urgent_question_always_gets_a_critical_principle(
    store: PrincipleStore, urgency: str
) -> None:
    chosen = await found(store, "please rephrase this letter", k=2, urgency=urgency)

    assert any(one.principle.is_critical for one in chosen)
    assert len(chosen) <= 2


async def test_a_question_far_from_every_topic_gets_general_principles(
    store: PrincipleStore,
) -> None:
    chosen = await found(store, "zxqv?", task_type="information", expertise="layperson")

    assert len(chosen) >= 3


async def test_scores_fall_and_never_more_than_k_come(store: PrincipleStore) -> None:
    chosen = await found(store, "I feel low since my father died", k=3)

    scores = [one.score for one in chosen]
    assert scores == sorted(scores, reverse=True)
    assert 1 <= len(chosen) <= 3


async def test_an_earlier_turn_helps_a_short_question(store: PrincipleStore) -> None:
    earlier = Message(role="user", content="How much paracetamol may an adult take in a day?")
    short = Conversation.of("And with another cold remedy?", (earlier,))

    first, *_ = await PrincipleSearch(store).find(short, scenario(), 4)

    assert first.principle.id == "paracetamol-adult-dose-and-maximum"


def test_principles_come_by_id_in_the_order_asked(library: Library) -> None:
    ids = ["stroke-signs-call-now", "grief-and-bereavement"]

    assert [one.id for one in principles_by_id(library, ids)] == ids


def test_an_unknown_id_is_refused_by_name(library: Library) -> None:
    with pytest.raises(BadInput, match="principle_ids is 'no-such'"):
        principles_by_id(library, ["no-such"])
