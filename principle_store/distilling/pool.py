"""Clusters while they are being joined, and the log of every joining."""

from collections.abc import Iterable, Sequence

import numpy as np

from inference.embedding import Vectors
from principle_store.distilling.words import Cluster, Gathered, Merge
from principle_store.store import direction

JOIN = 0.67  # cosine of two clusters' directions from which on they want the same
Places = list[int]


class Pool:
    """Clusters while they are being joined."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.names: list[str] = []
        self.members: list[Places] = []
        self.merges: list[list[Merge]] = []

    def add(self, name: str, members: Iterable[int], merges: Iterable[Merge] = ()) -> None:
        self.names.append(name)
        self.members.append(list(members))
        self.merges.append(list(merges))

    def directions(self) -> Vectors:
        return np.stack([direction(self.vectors[one]) for one in self.members])

    def join(self, kept: int, gone: int, likeness: float) -> None:
        """Let the second cluster go into the first."""
        merge = Merge(
            what="clusters", into=self.names[kept], joined=(self.names[gone],), likeness=likeness
        )
        self.merges[kept] += [*self.merges.pop(gone), merge]
        self.members[kept] += self.members.pop(gone)
        del self.names[gone]

    def clusters(self) -> tuple[Cluster, ...]:
        """The largest first, each with its most typical member first."""
        ordered = sorted(range(len(self.names)), key=lambda one: -len(self.members[one]))
        return tuple(
            Cluster(
                name=self.names[one],
                members=typical_first(self.members[one], self.vectors),
                merges=tuple(self.merges[one]),
            )
            for one in ordered
        )


def join_near(pool: Pool) -> None:
    """Join the two nearest clusters as long as they are near enough."""
    if not pool.names:
        return
    sums = np.stack([pool.vectors[one].sum(axis=0) for one in pool.members])
    likeness = _likeness(sums, sums)
    np.fill_diagonal(likeness, -1)
    while len(pool.names) > 1:
        first, second = sorted(divmod(int(likeness.argmax()), len(likeness)))
        nearest = float(likeness[first, second])
        if nearest < JOIN:
            return
        pool.join(first, second, round(nearest, 3))
        sums[first] += sums[second]
        sums = np.delete(sums, second, axis=0)
        likeness = np.delete(np.delete(likeness, second, axis=0), second, axis=1)
        row = _likeness(sums[first : first + 1], sums)[0]
        row[first] = -1
        likeness[first], likeness[:, first] = row, row


def joined(
    clusters: Sequence[Cluster], pairs: Iterable[tuple[int, int]], vectors: Vectors
) -> tuple[Cluster, ...]:
    """The clusters after a model said which of them want the same."""
    into = list(range(len(clusters)))
    for first, second in pairs:
        kept, gone = into[first], into[second]
        into = [kept if its == gone else its for its in into]
    pool = Pool(vectors)
    for root in dict.fromkeys(into):
        same = [one for one, its in zip(clusters, into, strict=True) if its == root]
        name, names = same[0].name, tuple(one.name for one in same[1:])
        merges = [merge for one in same for merge in one.merges]
        merges += [Merge(what="by_model", into=name, joined=names)] if names else []
        pool.add(name, (place for one in same for place in one.members), merges)
    return pool.clusters()


def typical_first(members: Sequence[int], vectors: Vectors) -> tuple[int, ...]:
    """The places of these criteria, the nearest to their common direction first."""
    places = np.array(sorted(members))
    likeness = vectors[places] @ direction(vectors[places])
    ordered: list[int] = places[np.argsort(-likeness, kind="stable")].tolist()
    return tuple(ordered)


def label_of(one: Gathered) -> str:
    """How a merge log names a criterion."""
    return f"{one.line}:{one.criterion_id}"


def _likeness(some: Vectors, others: Vectors) -> Vectors:
    """Cosines between the directions of sums."""
    lengths = np.linalg.norm(some, axis=1)[:, None] * np.linalg.norm(others, axis=1)
    found: Vectors = some @ others.T / np.maximum(lengths, 1e-9)
    return found
