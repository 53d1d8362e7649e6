"""Which principles belong to a question: nearness of meaning, moved and limited by the scenario."""

from collections.abc import Sequence

from inference.messages import Conversation
from principle_store.store import PrincipleStore
from principle_store.types import Found, Principle
from rubrics.types import Scenario

SCENARIO_WEIGHT = 0.08  # cosines of related texts lie between 0.2 and 0.6 here
NEAR_ENOUGH = 0.75  # of the nearest one's cosine: farther topics are other topics
LEAST_COSINE = {"topical": 0.35, "general": 0.3}  # below it nothing near is meant
FEWEST = 3  # principles for any question; general ones fill up
URGENT = ("emergent", "conditionally_emergent")


async def find(
    store: PrincipleStore, conversation: Conversation, scenario: Scenario, k: int
) -> tuple[Found, ...]:
    """Up to `k` principles that belong here, best first; a critical one among them if urgent."""
    near = await store.nearest(conversation.recent, len(store.library.principles))
    belonging = _near_in_topic(near) | _fitting(near, scenario)
    ranked = sorted(
        (_found(principle, cosine, scenario) for principle, cosine in near),
        key=lambda found: (-found.score, found.principle.id),
    )
    chosen = [found for found in ranked if found.principle.id in belonging]
    spare = [one for one in ranked if one.principle.reach == "general" and one not in chosen]
    chosen += spare[: max(0, FEWEST - len(chosen))]
    return tuple(_with_critical(chosen[:k], ranked, scenario))


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against."""
    total = 0.0
    for name, label in scenario.labels.items():
        if not label.value or principle.scenario[name] == "any":
            continue
        sign = 1 if principle.applies_to(name, label.value) else -1
        total += sign * SCENARIO_WEIGHT * label.confidence
    return total


def _found(principle: Principle, cosine: float, scenario: Scenario) -> Found:
    return Found(principle=principle, score=round(cosine + bonus(principle, scenario), 4))


def _near_in_topic(near: Sequence[tuple[Principle, float]]) -> set[str]:
    """Those whose meaning is close, measured against the closest of their reach."""
    kept = set()
    for reach, least in LEAST_COSINE.items():
        hits = [(principle.id, cosine) for principle, cosine in near if principle.reach == reach]
        closest = max((cosine for _, cosine in hits), default=0.0)
        kept |= {id for id, cosine in hits if cosine >= max(least, NEAR_ENOUGH * closest)}
    return kept


def _fitting(near: Sequence[tuple[Principle, float]], scenario: Scenario) -> set[str]:
    """General principles whose scope holds every value of the scenario."""
    return {
        principle.id
        for principle, _ in near
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
