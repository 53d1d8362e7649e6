"""Which principles belong to a question: likeness of meaning and words, moved by the scenario."""

import asyncio
from collections.abc import Mapping, Sequence

from inference.messages import Conversation
from principle_store.lexical import LexicalIndex
from principle_store.store import PrincipleStore
from principle_store.types import Found, Principle
from rubrics.types import Scenario

LEXICAL_WEIGHT = 0.4  # of a full match in words, beside a cosine that is 1 at most
SCENARIO_WEIGHT = 0.08  # cosines of related texts lie between 0.2 and 0.6 here
NEAR_ENOUGH = 0.75  # of the nearest one's likeness: farther topics are other topics
LEAST = {"topical": 0.35, "general": 0.3}  # likeness; below it nothing near is meant
FEWEST = 3  # principles for any question; general ones fill up
URGENT = ("emergent", "conditionally_emergent")
Likeness = Mapping[str, float]


class PrincipleSearch:
    def __init__(self, store: PrincipleStore) -> None:
        self._store = store
        self._words = LexicalIndex(store.library)

    async def find(
        self, conversation: Conversation, scenario: Scenario, k: int
    ) -> tuple[Found, ...]:
        """Up to `k` principles that belong here, best first; if urgent, a critical one too."""
        principles = self._store.library.principles
        near = await self._store.nearest(conversation.recent, len(principles))
        shares = await asyncio.to_thread(self._words.shares, conversation.recent)
        cosines = {principle.id: cosine for principle, cosine in near}
        like = {id: cosine + LEXICAL_WEIGHT * shares[id] for id, cosine in cosines.items()}
        ranked = sorted(
            (
                Found(
                    principle=principle,
                    score=round(like[principle.id] + bonus(principle, scenario), 4),
                    why=_why(principle, cosine, shares[principle.id], scenario),
                )
                for principle, cosine in near
            ),
            key=lambda found: (-found.score, found.principle.id),
        )
        belonging = _near_in_topic(principles, like) | _fitting(principles, scenario)
        return tuple(_chosen(ranked, belonging, scenario, k))


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against."""
    total = 0.0
    for name, label in scenario.labels.items():
        if not label.value or principle.scenario[name] == "any":
            continue
        sign = 1 if principle.applies_to(name, label.value) else -1
        total += sign * SCENARIO_WEIGHT * label.confidence
    return total


def _chosen(
    ranked: Sequence[Found], belonging: set[str], scenario: Scenario, k: int
) -> Sequence[Found]:
    chosen = [found for found in ranked if found.principle.id in belonging][:k]
    general = [found for found in ranked if found.principle.reach == "general"]
    spare = [found for found in general if found not in chosen]
    chosen += spare[: max(0, min(FEWEST, k) - len(chosen))]
    return _with_critical(chosen, ranked, scenario)


def _near_in_topic(principles: Sequence[Principle], like: Likeness) -> set[str]:
    """Those that are alike enough, measured against the most alike of their reach."""
    kept = set()
    for reach, least in LEAST.items():
        ids = [principle.id for principle in principles if principle.reach == reach]
        most = max((like[id] for id in ids), default=0.0)
        kept |= {id for id in ids if like[id] >= max(least, NEAR_ENOUGH * most)}
    return kept


def _fitting(principles: Sequence[Principle], scenario: Scenario) -> set[str]:
    """General principles whose scope holds every value of the scenario."""
    return {
        principle.id
        for principle in principles
        if principle.reach == "general"
        and all(principle.applies_to(name, scenario.value(name)) for name in principle.scenario)
    }


def _with_critical(
    chosen: Sequence[Found], ranked: Sequence[Found], scenario: Scenario
) -> Sequence[Found]:
    """The chosen, the last one making room if it is urgent and none of them is critical."""
    urgency = scenario.value("urgency")
    critical = [
        found
        for found in ranked
        if found.principle.is_critical and found.principle.applies_to("urgency", urgency)
    ]
    if urgency not in URGENT or not critical or any(one in chosen for one in critical):
        return chosen
    return [*chosen[:-1], critical[0]]


def _why(principle: Principle, cosine: float, share: float, scenario: Scenario) -> str:
    fitting = [
        f"{name} {value}"
        for name in principle.scenario
        if (value := scenario.value(name))
        and principle.scenario[name] != "any"
        and principle.applies_to(name, value)
    ]
    return "; ".join([f"meaning {cosine:.2f}", f"words {share:.2f}", *fitting])
