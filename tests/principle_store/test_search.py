"""Both stores keep one contract; the search stands on it."""

from collections.abc import Sequence

import pytest

from inference.embedding import MemoEmbedder, Vectors
from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.vectors import VectorCache
from principle_store.chroma import ChromaPrincipleStore
from principle_store.memory import InMemoryPrincipleStore
from principle_store.search import PrincipleSearch
from principle_store.store import PrincipleStore, principles_by_id
from principle_store.types import Found, Library
from rubrics.reading import Reading
from rubrics.types import Scenario


@pytest.fixture(params=[ChromaPrincipleStore, InMemoryPrincipleStore])
def store(
    request: pytest.FixtureRequest, library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> PrincipleStore:
    made: PrincipleStore = request.param(library, embedder, cached)
    return made


def scenario(**values: str) -> Scenario:
    return Scenario.from_json(
        {
            name: {"value": value, "confidence": 1.0, "from": "given"}
            for name, value in values.items()
        }
    )


async def found(store: PrincipleStore, question: str, k: int = 6, **values: str) -> Sequence[Found]:
    return await PrincipleSearch(store).find(reading(Conversation.of(question), **values), k)


def reading(asked: Conversation, **values: str) -> Reading:
    """As an English question is read, with a scenario of these values alone."""
    return Reading(
        language="en",
        written=asked.recent,
        english=asked.recent,
        context=asked.context,
        scenario=scenario(**values),
    )


async def test_every_principle_is_found_by_its_own_words(store: PrincipleStore) -> None:
    for principle in store.library.principles:
        found = await store.nearest([principle.searched_texts()[0]], 3)

        (itself,) = [one for one in found if one.principle == principle]
        assert itself.said == pytest.approx(1, abs=1e-3)
        assert itself.said == max(one.said for one in found)


async def test_both_stores_bring_the_same_principles(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    chroma = ChromaPrincipleStore(library, embedder, cached)
    memory = InMemoryPrincipleStore(library, embedder, cached)

    for question in ("How much paracetamol may I take?", "My child hit her head and vomited."):
        ours, exact = await chroma.nearest([question], 40), await memory.nearest([question], 40)
        first = [(one.principle.id, round(one.likeness, 3)) for one in ours][:8]
        assert first == [(one.principle.id, round(one.likeness, 3)) for one in exact][:8]


async def test_stores_of_two_embedders_live_side_by_side(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    class Halved(MemoEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            return cached.embed(texts)[:, :192]

    first = ChromaPrincipleStore(library, embedder, cached)
    second = ChromaPrincipleStore(library, Halved(cached), Halved(cached))
    asked = library.principles[0].searched_texts()[0]

    assert await first.nearest([asked], 3)
    assert (await second.nearest([asked], 3))[0].principle == library.principles[0]


async def test_a_principle_asked_for_by_id_is_compared_however_far_it_is(
    store: PrincipleStore,
) -> None:
    near = await store.nearest(["Can I eat liver while pregnant?"], 2, ["stroke-signs-call-now"])

    assert near[-1].principle.id == "stroke-signs-call-now"
    assert [one.likeness for one in near] == sorted((one.likeness for one in near), reverse=True)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("my wife suddenly can't lift her arm and talks funny", "stroke-signs-call-now"),
        ("crushing chest pain for an hour and sweating, dad is 68", "heart-attack-call-first"),
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
    chosen = await found(store, "my wife's arm is weak and she slurs")
    ids = [one.principle.id for one in chosen if one.on_topic]

    assert "stroke-signs-call-now" in ids
    assert not {"anaphylaxis-auto-injector-first", "opioid-safety-naloxone-taper"} & set(ids)


async def test_the_scenario_moves_the_ranking(store: PrincipleStore) -> None:
    asked = "adrenaline for an allergic reaction"

    lay = await found(store, asked, expertise="layperson")
    professional = await found(store, asked, expertise="health_professional")

    wanted = ["anaphylaxis-auto-injector-first", "anaphylaxis-im-adrenaline-dose"]
    assert [one.principle.id for one in lay if one.principle.id in wanted] == wanted
    assert professional[0].principle.id == wanted[1]


@pytest.mark.parametrize("urgency", ["emergent", "conditionally_emergent"])
async def test_an_urgent_question_always_gets_a_critical_principle(
    store: PrincipleStore, urgency: str
) -> None:
    chosen = await found(store, "please rephrase this letter", k=2, urgency=urgency)

    assert any(one.principle.is_critical and one.on_topic for one in chosen)
    assert len(chosen) <= 2


async def test_a_question_far_from_every_topic_gets_general_principles(
    store: PrincipleStore,
) -> None:
    chosen = await found(store, "zxqv?", task_type="information", expertise="layperson")

    assert sum(one.on_topic for one in chosen) >= 3


async def test_no_principle_says_what_two_others_have_said(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    first = principles_by_id(library, ["stroke-signs-call-now"])[0]
    copies = [first.model_copy(update={"id": f"stroke-copy-{n}"}) for n in range(4)]
    crowded = library.model_copy(
        update={"hash": "crowded", "principles": (*library.principles, *copies)}
    )
    store = InMemoryPrincipleStore(crowded, embedder, cached)

    chosen = await found(store, "my wife's arm is weak and she slurs her words", k=8)

    same = [one for one in chosen if one.principle.statement == first.statement]
    assert len(same) in (1, 2)


async def test_a_principle_is_found_by_words_that_no_other_has(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    *_, last = [one for one in library.principles if not one.is_critical]
    named = last.model_copy(update={"search_words": {"en": ("zyxomide qwortol plumbane",)}})
    others = [one for one in library.principles if one != last]
    changed = library.model_copy(update={"hash": "named", "principles": (*others, named)})

    store = InMemoryPrincipleStore(changed, embedder, cached)
    chosen = await found(store, "zyxomide, qwortol, plumbane", k=20)

    assert last.id in [one.principle.id for one in chosen]


async def test_a_principle_with_harmful_criteria_alone_can_be_searched(
    library: Library, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    last = library.principles[-1]
    harmful = tuple(one for one in last.criteria if one.points < 0)
    bare = last.model_copy(update={"id": "zzz", "criteria": harmful})
    changed = library.model_copy(update={"hash": "bare", "principles": (*library.principles, bare)})

    chosen = await found(InMemoryPrincipleStore(changed, embedder, cached), last.statement)

    assert "zzz" in [one.principle.id for one in chosen]


async def test_as_many_come_as_were_asked_for(store: PrincipleStore) -> None:
    chosen = await found(store, "my wife's arm is weak and she slurs her words", k=12)

    assert len({one.principle.id for one in chosen}) == 12
    assert [one.on_topic for one in chosen] == sorted((o.on_topic for o in chosen), reverse=True)


async def test_scores_fall_and_never_more_than_k_come(store: PrincipleStore) -> None:
    chosen = await found(store, "I feel low since my father died", k=3)

    scores = [one.score for one in chosen if one.on_topic]
    assert scores == sorted(scores, reverse=True)
    assert 1 <= len(chosen) <= 3


async def test_an_earlier_turn_helps_a_short_question(store: PrincipleStore) -> None:
    earlier = Message(role="user", content="How much paracetamol may an adult take in a day?")
    short = Conversation.of("And with another cold remedy?", (earlier,))

    first, *_ = await PrincipleSearch(store).find(reading(short), 4)

    assert first.principle.id == "paracetamol-adult-dose-and-maximum"


def test_principles_come_by_id_in_the_order_asked(library: Library) -> None:
    ids = ["stroke-signs-call-now", "grief-and-bereavement"]

    assert [one.id for one in principles_by_id(library, ids)] == ids


def test_an_unknown_id_is_refused_by_name(library: Library) -> None:
    with pytest.raises(BadInput, match="principle_ids is 'no-such'"):
        principles_by_id(library, ["no-such"])
