"""Which principles belong to a question: likeness of meaning and words, moved by the scenario."""

from collections.abc import Sequence

import numpy as np

from principle_store.covering import Candidate, Coverage, Figures
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
NEAR_ENOUGH = 0.85  # of the nearest one's likeness: farther topics are other topics
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

    async def find(
        self, reading: Reading, k: int, raised: Sequence[str] | None = None
    ) -> tuple[Found, ...]:
        """Up to `k` principles, those for an emergency that the words give away first.

        Then the others on topic, then the next nearest; of each the best first. If it is urgent, a
        critical one is among them.

        Args:
            reading: the question.
            k: how many, at most.
            raised: what `raised` says of it, by whoever has asked already.
        """
        raised = self.raised(reading) if raised is None else raised
        coverage = Coverage(await self._candidates(reading, raised))
        candidates = coverage.distinct()
        flagged = [one for one in candidates if one.id in raised][:FLAGGED]
        on_topic = _on_topic(candidates, reading.scenario) | {one.id for one in flagged}
        belonging = [one for one in candidates if one.id in on_topic]
        chosen: Sequence[Candidate] = _merged(flagged, belonging[:SURE])[:k]
        for rest in (belonging, [one for one in candidates if one.id not in on_topic]):
            left = [one for one in rest if one not in chosen]
            chosen = [*chosen, *coverage.chosen(left, k - len(chosen), chosen)]
        if critical := _lacking(chosen, candidates, reading.scenario):
            chosen = [*chosen[: k - 1], critical]
            on_topic.add(critical.id)
        first = {one.id for one in flagged}
        ranked = sorted(
            chosen,
            key=lambda one: (one.id not in first, one.id not in on_topic, -one.score, one.id),
        )
        return tuple(
            Found(
                principle=one.near.principle,
                score=one.score,
                on_topic=one.id in on_topic,
                why=_why(one, reading.scenario),
            )
            for one in ranked
        )

    def raised(self, reading: Reading) -> Sequence[str]:
        """Ids of the principles for emergencies that its words give away."""
        return self._red_flags.raised(reading)

    async def _candidates(self, reading: Reading, raised: Sequence[str]) -> Sequence[Candidate]:
        """Those near in meaning or words, and the raised ones; best first."""
        shares = self._words.shares(reading)
        also = [self._words.ids[row] for row in _largest(shares, BY_WORDS)]
        texts = list(dict.fromkeys([reading.english, reading.context]))
        near = await self._store.nearest(texts, CANDIDATES, [*also, *raised, *self._critical])
        found = [self._candidate(one, shares, reading.scenario) for one in near]
        return sorted(found, key=lambda one: (-one.score, one.id))

    def _candidate(self, near: Near, shares: Figures, scenario: Scenario) -> Candidate:
        share = float(shares[self._row[near.principle.id]])
        like = near.likeness + LEXICAL_WEIGHT * share
        return Candidate(near, share, like, round(like + bonus(near.principle, scenario), 4))


def _largest(figures: Figures, count: int) -> Sequence[int]:
    """The places of the largest figures above 0, the largest first; of equal ones the first."""
    places = np.flatnonzero(figures > 0)
    if len(places) > count:  # sorting all of very many would take longer than the search
        least = np.partition(figures[places], -count)[-count]
        places = places[figures[places] >= least]
    ordered: list[int] = places[np.argsort(-figures[places], kind="stable")][:count].tolist()
    return ordered


def _merged(first: Sequence[Candidate], second: Sequence[Candidate]) -> list[Candidate]:
    return [*first, *(one for one in second if one not in first)]


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against.

    Urgency counts twice: to miss it costs the most.
    """
    total = 0.0
    for name, scope in principle.scenario.items():
        label = scenario.labels.get(name)
        if scope == "any" or not label or not label.value:
            continue
        sign = 1 if label.value in scope else -1
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


def _lacking(
    chosen: Sequence[Candidate], candidates: Sequence[Candidate], scenario: Scenario
) -> Candidate | None:
    """The best critical principle, if it is urgent and none of the chosen is critical."""
    urgency = scenario.value("urgency")
    if urgency not in URGENT or any(_is_critical(one, urgency) for one in chosen):
        return None
    return next((one for one in candidates if _is_critical(one, urgency)), None)


def _is_critical(candidate: Candidate, urgency: str) -> bool:
    principle = candidate.near.principle
    return principle.is_critical and principle.applies_to("urgency", urgency)


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
