"""Which principles belong to a question: nearness of meaning, moved by the scenario."""

from collections.abc import Sequence

from inference.messages import Conversation
from principle_store.store import PrincipleStore
from principle_store.types import Found, Principle
from rubrics.types import Scenario

SCENARIO_WEIGHT = 0.08  # cosines of related texts lie between 0.2 and 0.6 here
CANDIDATES = 60
URGENT = ("emergent", "conditionally_emergent")
EARLIER_CHARACTERS = 500


async def find(
    store: PrincipleStore, conversation: Conversation, scenario: Scenario, k: int
) -> tuple[Found, ...]:
    """The `k` principles that fit best, best first; if it is urgent, a critical one among them."""
    near = await store.nearest(_asked(conversation), CANDIDATES)
    ranked = sorted(
        (
            Found(principle=principle, score=round(cosine + bonus(principle, scenario), 4))
            for principle, cosine in near
        ),
        key=lambda found: (-found.score, found.principle.id),
    )
    return tuple(_with_critical(ranked, scenario, k))


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against."""
    total = 0.0
    for name, label in scenario.labels.items():
        if not label.value or principle.scenario[name] == "any":
            continue
        sign = 1 if principle.applies_to(name, label.value) else -1
        total += sign * SCENARIO_WEIGHT * label.confidence
    return total


def _with_critical(ranked: Sequence[Found], scenario: Scenario, k: int) -> Sequence[Found]:
    chosen = list(ranked[:k])
    urgency = scenario.value("urgency")
    if urgency not in URGENT:
        return chosen
    critical = [
        found
        for found in ranked
        if found.principle.is_critical and urgency in found.principle.scenario["urgency"]
    ]
    if critical and not any(found in chosen for found in critical):
        chosen[-1:] = critical[:1]
    return chosen


def _asked(conversation: Conversation) -> str:
    """The last user turn leads; the one before it follows, for "and what about her?"."""
    turns = [message.content for message in conversation.messages if message.role == "user"]
    return "\n".join([turns[-1], *(turn[:EARLIER_CHARACTERS] for turn in turns[-2:-1])])
