"""Which principles belong to a question: likeness of meaning and words, moved by the scenario."""

from collections.abc import Mapping, Sequence

from inference.messages import Conversation
from principle_store.lexical import LexicalIndex
from principle_store.store import PrincipleStore
from principle_store.types import Found, Principle
from rubrics.types import Scenario

CANDIDATES = 40  # by meaning; the others count as far as the last of these
LEXICAL_WEIGHT = 0.4  # of a full match in words, beside a cosine that is 1 at most
SCENARIO_WEIGHT = {"general": 0.08, "topical": 0.04}  # a label; beside cosines of 0.2 to 0.6
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
        near = await self._store.nearest(conversation.recent, CANDIDATES)
        farthest = near[-1][1] if near else 0.0
        cosines = {one.id: farthest for one in principles} | {one.id: c for one, c in near}
        shares = self._words.shares(conversation.recent)
        like = {id: cosine + LEXICAL_WEIGHT * shares[id] for id, cosine in cosines.items()}
        score = {one.id: round(like[one.id] + bonus(one, scenario), 4) for one in principles}
        ranked = sorted(principles, key=lambda one: (-score[one.id], one.id))
        belonging = _near_in_topic(principles, like) | _fitting(principles, scenario)
        return tuple(
            Found(
                principle=one,
                score=score[one.id],
                why=_why(one, cosines[one.id], shares[one.id], scenario),
            )
            for one in _chosen(ranked, belonging, scenario, k)
        )


def bonus(principle: Principle, scenario: Scenario) -> float:
    """What the labels add: a named value counts for, one outside the scope against."""
    total = 0.0
    for name, label in scenario.labels.items():
        if not label.value or principle.scenario[name] == "any":
            continue
        sign = 1 if principle.applies_to(name, label.value) else -1
        total += sign * SCENARIO_WEIGHT[principle.reach] * label.confidence
    return total


def _chosen(
    ranked: Sequence[Principle], belonging: set[str], scenario: Scenario, k: int
) -> Sequence[Principle]:
    chosen = [one for one in ranked if one.id in belonging][:k]
    spare = [one for one in ranked if one.reach == "general" and one.id not in belonging]
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
    chosen: Sequence[Principle], ranked: Sequence[Principle], scenario: Scenario
) -> Sequence[Principle]:
    """The chosen, the last one making room if it is urgent and none of them is critical."""
    urgency = scenario.value("urgency")
    critical = [one for one in ranked if one.is_critical and one.applies_to("urgency", urgency)]
    ids = {one.id for one in chosen}
    if urgency not in URGENT or not critical or any(one.id in ids for one in critical):
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
