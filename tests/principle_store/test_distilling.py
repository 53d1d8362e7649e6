"""From criteria to clusters to a compact set; what is near is joined, and every joining is told."""

from collections.abc import Sequence

import numpy as np
import pytest

from inference.embedding import MemoEmbedder, Vectors
from inference.messages import Conversation
from principle_store.distilling.choice import chosen
from principle_store.distilling.drafts import medoid
from principle_store.distilling.groups import clustered
from principle_store.distilling.pool import joined
from principle_store.distilling.prompt import spread
from principle_store.distilling.trial import Case, cases_of, met_like
from principle_store.distilling.wording import wish
from principle_store.distilling.words import Cluster, Clustered, Gathered, Shown
from rubrics.glossary import Glossaries, load_glossaries
from tests.builders import rubric, verdicts
from tests.distilling_kit import ALONE, GRIEF, PREGNANCY, WISHES, wish_of


@pytest.fixture(scope="session")
def glossaries() -> Glossaries:
    return load_glossaries()


def gathered(said: Sequence[tuple[str, int]], **more: object) -> list[Gathered]:
    return [
        Gathered.model_validate(
            {"text": text, "points": points, "line": line, "prompt_id": "", "criterion_id": "c1"}
            | more
        )
        for line, (text, points) in enumerate(said, start=1)
    ]


def found_in(
    criteria: Sequence[Gathered], glossaries: Glossaries, embedder: MemoEmbedder
) -> Clustered:
    wishes = [wish(one.text, glossaries) for one in criteria]
    return clustered(criteria, embedder.embed(wishes))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("The response should ask about pregnancy.", "ask about pregnancy"),
        ("Fails to ask about pregnancy", "ask about pregnancy"),
        ("Recommends 400 mg without first asking", "Recommends 400 mg asking"),
        ("It must not say “wait”", "say “wait”"),
        ("Бдыщ", "Бдыщ"),
    ],
)
def test_a_harm_and_its_good_counterpart_read_alike(
    glossaries: Glossaries, said: str, wanted: str
) -> None:
    assert wish(said, glossaries) == wanted


def test_criteria_in_other_languages_are_compared_by_their_english(glossaries: Glossaries) -> None:
    assert "pregnan" in wish("Pregunta si está embarazada", glossaries)


def test_criteria_that_want_the_same_fall_together(
    glossaries: Glossaries, embedder: MemoEmbedder
) -> None:
    criteria = gathered([*(one for said in WISHES.values() for one in said), *ALONE])

    found = found_in(criteria, glossaries, embedder)

    held = [{wish_of(criteria[one].text) for one in cluster.members} for cluster in found.clusters]
    assert sorted(name for names in held for name in names) == sorted(WISHES)
    assert {criteria[one].text for one in found.single} >= {ALONE[0][0], ALONE[2][0]}


def test_every_criterion_is_in_one_cluster_or_single(
    glossaries: Glossaries, embedder: MemoEmbedder
) -> None:
    criteria = gathered([*PREGNANCY, *GRIEF, *PREGNANCY, *ALONE])

    found = found_in(criteria, glossaries, embedder)

    places = [one for cluster in found.clusters for one in cluster.members] + list(found.single)
    assert sorted(places) == list(range(len(criteria)))


def test_one_wording_in_many_rubrics_is_a_cluster(
    glossaries: Glossaries, embedder: MemoEmbedder
) -> None:
    criteria = gathered([PREGNANCY[0]] * 5)

    (cluster,) = found_in(criteria, glossaries, embedder).clusters

    assert len(cluster.members) == 5
    assert cluster.merges[-1].joined == ("2:c1", "3:c1", "4:c1", "5:c1")


def test_criteria_of_one_kind_alone_are_found_too(
    glossaries: Glossaries, embedder: MemoEmbedder
) -> None:
    """Nothing is denser than the rest there, so that all of it looks like noise."""
    said = [
        ("Asks about pregnancy before ibuprofen", 5),
        ("Asks about pregnancy before suggesting ibuprofen", 5),
        ("Asks about a pregnancy before recommending ibuprofen", 5),
    ]

    (cluster,) = found_in(gathered(said), glossaries, embedder).clusters

    assert len(cluster.members) == 3
    assert cluster.merges[0].what == "singles_together"


def test_what_a_cluster_takes_in_is_told_with_its_likeness() -> None:
    chance = np.random.default_rng(0)
    first, other, third = np.eye(3, 40)
    second = 0.6 * first + 0.8 * other
    heaps = [first + 0.07 * chance.normal(size=40) for _ in range(6)]
    heaps += [second + 0.07 * chance.normal(size=40) for _ in range(6)]
    far = [0.5 * first - 0.5 * other + 0.7 * third, -other - third]
    vectors = np.array([*heaps, *far], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    criteria = gathered([(f"criterion {number}", 1) for number in range(14)])

    found = clustered(criteria, vectors)

    (taker,) = [one for one in found.clusters if 12 in one.members]
    (merge,) = [one for one in taker.merges if one.what == "singles"]
    assert (merge.what, merge.joined) == ("singles", ("13:c1",))
    assert merge.likeness == pytest.approx(0.5, abs=0.05)
    assert found.single == (13,)


def test_a_principle_that_spans_scenarios_is_joined_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("principle_store.distilling.groups.MOST_TOGETHER", 14)
    chance = np.random.default_rng(0)
    wanted = [*np.eye(2, 40)] * 12
    vectors = np.array([one + 0.07 * chance.normal(size=40) for one in wanted], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scenarios = [{"urgency": "emergent"}] * 12 + [{"urgency": "non_emergent"}] * 12
    criteria = [
        one.model_copy(update={"scenario": scenario})
        for one, scenario in zip(gathered([("Asks", 1)] * 24), scenarios, strict=True)
    ]

    found = clustered(criteria, vectors)

    assert [sorted(one.members) for one in found.clusters] == [
        [*range(0, 24, 2)],
        [*range(1, 24, 2)],
    ]
    for cluster in found.clusters:
        (merge,) = [one for one in cluster.merges if one.what == "clusters"]
        assert {name.split("/")[0] for name in (merge.into, *merge.joined)} == {
            "emergent",
            "non_emergent",
        }
        assert merge.likeness is not None
        assert merge.likeness >= 0.67


def around(*places: tuple[float, float], count: int = 4) -> tuple[Vectors, list[Cluster]]:
    """Clusters of some criteria each, all of them at one place of a circle."""
    vectors = np.array([place for place in places for _ in range(count)], dtype=np.float32)
    clusters = [
        Cluster(name=str(number), members=tuple(range(number * count, (number + 1) * count)))
        for number in range(len(places))
    ]
    return vectors, clusters


def test_what_is_like_a_chosen_cluster_is_not_chosen_too() -> None:
    vectors, clusters = around((1, 0), (0.98, 0.199), (0, 1))

    taken = [place for place, _ in chosen(clusters, vectors)]

    assert sorted(taken) in ([0, 2], [1, 2])


def test_what_a_model_has_told_apart_is_not_redundant() -> None:
    vectors, clusters = around((1, 0), (0.98, 0.199))

    taken = chosen(clusters, vectors, apart=[frozenset(("0", "1"))])

    assert [gain for _, gain in taken] == pytest.approx([4, 4], abs=0.01)


def test_a_budget_takes_the_largest_first() -> None:
    vectors, _ = around((1, 0), (0, 1))
    larger = Cluster(name="larger", members=(0, 1, 2, 3))
    smaller = Cluster(name="smaller", members=(4, 5, 6))

    assert chosen([smaller, larger], vectors, budget=1) == [(1, 4.0)]


def test_it_stops_where_one_more_would_add_little() -> None:
    vectors, _ = around((1, 0), (0, 1))
    large = Cluster(name="large", members=(0, 1, 2, 3))
    tiny = Cluster(name="tiny", members=(4,))

    assert [place for place, _ in chosen([large, tiny], vectors)] == [0]


def test_a_loose_heap_counts_for_less_than_its_size() -> None:
    vectors, _ = around((1, 0), (0, 1), (-1, 0), count=3)
    tight = Cluster(name="tight", members=(0, 1, 2))
    loose = Cluster(name="loose", members=(3, 4, 6, 7))

    assert chosen([loose, tight], vectors, budget=1) == [(1, 3.0)]


def test_clusters_that_a_model_holds_to_be_one_are_joined_and_told() -> None:
    vectors, clusters = around((1, 0), (0, 1), (-1, 0))

    first, second = joined(clusters, [(0, 1), (1, 0)], vectors)

    assert sorted(first.members) == [*range(8)]
    assert [(merge.what, merge.joined) for merge in first.merges] == [("by_model", ("1",))]
    assert second.members == (8, 9, 10, 11)


def test_without_a_model_the_most_typical_good_english_criterion_speaks() -> None:
    criteria = gathered([("Wartet ab", 4), ("Waits without asking", -5), ("Asks first", 6)])
    cluster = Cluster(name="one", members=(0, 1, 2))

    draft = medoid(cluster, criteria, english=[False, True, True])

    assert draft.statement == "Asks first"
    assert [(one.criterion, one.points) for one in draft.criteria] == [
        ("Asks first", 6),
        ("Waits without asking", -5),
    ]
    assert draft.rationale == ""


def test_a_cluster_of_harms_alone_is_never_put_as_advice() -> None:
    criteria = gathered([("Doubles the dose", -8)] * 3)

    draft = medoid(Cluster(name="one", members=(0, 1, 2)), criteria, english=[True] * 3)

    assert draft.statement == draft.guidance[0] == "Avoid this: Doubles the dose"
    assert "worded as a harm" in draft.note


def test_verdicts_count_by_the_sign_of_the_member() -> None:
    good, harm = gathered([("Asks", 5), ("Does not ask", -5)])
    asked = rubric(asks=5, doubles=-8)

    assert met_like(good, asked, verdicts(asks=True, doubles=False)) is True
    assert met_like(good, asked, verdicts(asks=False, doubles=False)) is False
    assert met_like(good, asked, verdicts(asks="ABSTAIN", doubles=True)) is None
    assert met_like(harm, asked, verdicts(asks=False, doubles=True)) is True
    assert met_like(harm, asked, verdicts(asks=False, doubles=False)) is False
    assert met_like(harm, rubric(asks=5), verdicts(asks=True)) is False
    assert met_like(harm, rubric(asks=5), verdicts(asks=False)) is None


def test_met_and_unmet_answers_are_compared_by_turns() -> None:
    asked = Conversation.of("May I?")
    shown = [Shown(conversation=asked, answer=f"{n}", met=n < 20) for n in range(25)]
    criteria = gathered([("Asks", 5)], shown=tuple(shown))

    cases: list[Case] = cases_of(Cluster(name="one", members=(0,)), criteria)

    assert len(cases) == 12
    assert sum(not case.shown.met for case in cases) == 5


def test_of_a_large_cluster_the_typical_and_some_others_are_shown() -> None:
    shown = spread(range(100), 24)

    assert shown[:12] == [*range(12)]
    assert len(shown) <= 24
    assert shown[-1] > 80
