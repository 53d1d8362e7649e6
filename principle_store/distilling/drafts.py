"""Makes a principle of a cluster without a model: its most typical criterion is the statement.

What the criteria do not say is not made up: there is no reason, and no source.
"""

from collections import Counter
from collections.abc import Sequence

from principle_store.distilling.words import Cluster, Draft, Gathered, Wish

SHARE = 0.8  # of the members whose value is known: these values of a dimension are its scope


def medoid(cluster: Cluster, gathered: Sequence[Gathered], english: Sequence[bool]) -> Draft:
    """The draft in its members' own words.

    Args:
        cluster: the most typical member first.
        gathered: all criteria.
        english: of each member, whether it is written in English.
    """
    members = [(gathered[one], it) for one, it in zip(cluster.members, english, strict=True)]
    good = [one for one in members if one[0].points > 0] or members
    typical = next((one for one, is_english in good if is_english), good[0][0])
    harm = next((one for one, is_english in members if one.points < 0 and is_english), None)
    criteria = [typical, *([harm] if harm and harm is not typical else [])]
    is_good = typical.points > 0
    statement = typical.text if is_good else f"Avoid this: {typical.text}"
    return Draft(
        statement=statement,
        criteria=tuple(Wish(criterion=one.text, points=one.points) for one in criteria),
        guidance=(statement,),
        scenario=scope_of([gathered[one] for one in cluster.members]),
        note="" if is_good else "worded as a harm: no member says the good thing",
    )


def scope_of(members: Sequence[Gathered]) -> dict[str, tuple[str, ...]]:
    """For each dimension the values that most members have; absent where they are all over."""
    scope = {}
    for name in dict.fromkeys(name for one in members for name in one.scenario):
        counts = Counter(one.scenario[name] for one in members if name in one.scenario)
        values, covered = [], 0
        for value, count in counts.most_common():
            if covered >= SHARE * counts.total():
                break
            values.append(value)
            covered += count
        if 2 * counts.total() > len(members) and len(values) < 3:
            scope[name] = tuple(values)
    return scope
