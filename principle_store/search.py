"""Which principles belong to a question: likeness of meaning and words, moved by the scenario."""

from collections.abc import Iterable, Sequence

import numpy as np

from principle_store.covering import Candidate, Figures, covering, distinct
from principle_store.lexical import LexicalIndex
from principle_store.red_flags import URGENT, RedFlags
from principle_store.store import Near, PrincipleStore
from principle_store.types import Found, Principle
from rubrics.reading import Reading
from rubrics.types import Scenario

CANDIDATES = 64  # by meaning
BY_WORDS = 16  # candidates more, by words
LEXICAL_WEIGHT = 0.3  # of a full match in words, beside a cosine that is 1 at most
SCENARIO_WEIGHT = {"general": 0.04, "topical": 0.02}  # a label; beside cosines of 0.2 to 0.6
GIVEN_WEIGHT = 3  # of a label that the caller gave, beside one that was read
NEAR_ENOUGH = 0.8  # of the nearest one's likeness: farther topics are other topics
LEAST = {"topical": 0.35, "general": 0.3}  # likeness; below it nothing near is meant
SURE = 2  # principles taken for their likeness alone, before those that cover something new
FLAGGED = 3  # principles that a red flag raises, at most
FEWEST = 3  # principles on topic for any question; general ones fill up


class PrincipleSearch:
    def __init__(self, store: PrincipleStore) -> None:
        self._store = store
        self._words = LexicalIndex(store.library)
        self._row = {id: row for row, id in enumerate(self._words.ids)}
        self._red_flags = RedFlags(store.library)
        self._critical = [
            one.id for one in store.library.principles if one.is_critical and one.reach == "general"
        ]

    async def find(self, reading: Reading, k: int) -> tuple[Found, ...]:
        """Up to `k` principles, best first: of those on topic, then of the next nearest.

        If it is urgent, a critical one is among them.
        """
        raised = self._red_flags.raised(reading)
        candidates = await self._candidates(reading, raised)
        flagged = [one for one in candidates if one.id in raised][:FLAGGED]
        on_topic = _on_topic(candidates, reading.scenario) | {one.id for one in flagged}
        belonging = [one for one in candidates if one.id in on_topic]
        chosen: Sequence[Candidate] = _merged(flagged, belonging[:SURE])[:k]
        for rest in (belonging, [one for one in candidates if one.id not in on_topic]):
            left = [one for one in rest if one not in chosen]
            chosen = [*chosen, *covering(left, k - len(chosen), chosen)]
        chosen = _with_critical(chosen, candidates, reading.scenario)
        ranked = sorted(chosen, key=lambda one: (one.id not in on_topic, -one.score, one.id))
        return tuple(
            Found(
                principle=one.near.principle,
                score=one.score,
                on_topic=one.id in on_topic,
                why=_why(one, reading.scenario),
            )
            for one in ranked
        )

    async def _candidates(self, reading: Reading, raised: Sequence[str]) -> Sequence[Candidate]:
        """Those near in meaning or words, and the raised ones; best first."""
        shares = self._words.shares(reading)
        by_words = np.argsort(-shares, kind="stable")[:BY_WORDS]
        also = [self._words.ids[row] for row in by_words if shares[row] > 0]
        texts = list(dict.fromkeys([reading.english, reading.context]))
        near = await self._store.nearest(texts, CANDIDATES, [*also, *raised, *self._critical])
        found = [self._candidate(one, shares, reading.scenario) for one in near]
        return distinct(sorted(found, key=lambda one: (-one.score, one.id)))

    def _candidate(self, near: Near, shares: Figures, scenario: Scenario) -> Candidate:
        share = float(shares[self._row[near.principle.id]])
        like = near.likeness + LEXICAL_WEIGHT * share
        return Candidate(near, share, like, round(like + bonus(near.principle, scenario), 4))


def _merged(first: Sequence[Candidate], second: Sequence[Candidate]) -> list[Candidate]:
    return [*first, *(one for one in second if one not in first)]


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against.

    Urgency counts twice: to miss it costs the most.
    """
    total = 0.0
    for name, label in scenario.labels.items():
        if not label.value or principle.scope(name) == "any":
            continue
        sign = 1 if principle.applies_to(name, label.value) else -1
        weight = SCENARIO_WEIGHT[principle.reach] * (GIVEN_WEIGHT if label.from_ == "given" else 1)
        total += sign * weight * label.confidence * (2 if name == "urgency" else 1)
    return total


def _on_topic(candidates: Sequence[Candidate], scenario: Scenario) -> set[str]:
    """The ids of those that are alike enough, or general and of this very scenario."""
    kept = {one.id for one in candidates if _fits(one.near.principle, scenario)}
    for reach, least in LEAST.items():
        likes = {one.id: one.like for one in candidates if one.near.principle.reach == reach}
        enough = max(least, NEAR_ENOUGH * max(likes.values(), default=0.0))
        kept |= {id for id, like in likes.items() if like >= enough}
    general = (one.id for one in candidates if one.near.principle.reach == "general")
    while len(kept) < FEWEST and (spare := next(general, None)):
        kept.add(spare)
    return kept


def _fits(principle: Principle, scenario: Scenario) -> bool:
    """Whether it is general and its scope holds every value of the scenario."""
    return principle.reach == "general" and all(
        principle.applies_to(name, scenario.value(name)) for name in principle.scenario
    )


def _with_critical(
    chosen: Sequence[Candidate], candidates: Iterable[Candidate], scenario: Scenario
) -> Sequence[Candidate]:
    """The chosen, the last one making room if it is urgent and none of them is critical."""
    urgency = scenario.value("urgency")
    critical = [
        one
        for one in candidates
        if one.near.principle.is_critical and one.near.principle.applies_to("urgency", urgency)
    ]
    ids = {one.id for one in chosen}
    if urgency not in URGENT or not critical or any(one.id in ids for one in critical):
        return chosen
    return [*chosen[:-1], critical[0]]


def _why(candidate: Candidate, scenario: Scenario) -> str:
    principle, near = candidate.near.principle, candidate.near
    fitting = [
        f"{name} {value}"
        for name in principle.scenario
        if (value := scenario.value(name))
        and principle.scope(name) != "any"
        and principle.applies_to(name, value)
    ]
    said = [f"meaning {near.likeness:.2f}", f"words {candidate.share:.2f}"]
    return "; ".join([*said, *fitting])
