"""Finds criteria that want the same: HDBSCAN, then clusters that lie near each other are joined.

Where there are many criteria they are first parted by their scenario. A principle may span
scenarios, so that joining looks at all clusters, wherever they were found. Every joining is logged.
The thresholds were chosen on a part of the planted set, see `benchmarks/distillation.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inference.embedding import Vectors
from inference.extras import needed
from principle_store.distilling.pool import Places, Pool, join_near, label_of
from principle_store.distilling.words import CELL, Clustered, Gathered, Merge

MOST_TOGETHER = 2000  # criteria clustered at once; it takes the square of their number
SMALLEST = 3  # criteria of a cluster
TWIN = 0.95  # cosine of two criteria from which on they are one wording: they count once
BLOCK = 512  # criteria compared at a time
TAKE = 0.4  # cosine to a cluster's direction from which on a single criterion belongs to it
ALIKE = 0.75  # cosine of two single criteria that want the same


def clustered(gathered: Sequence[Gathered], vectors: Vectors) -> Clustered:
    """All criteria in clusters or single.

    Args:
        gathered: the criteria.
        vectors: of what each of them wants.

    Raises:
        Lacking: scikit-learn is not installed.
    """
    copies, pool = _copies(vectors), Pool(vectors)
    for name, group in _groups(list(copies), gathered):
        for number, cluster in enumerate(_dense(vectors[group]), start=1):
            pool.add(f"{name}/{number}", (group[one] for one in cluster))
    within = {one for members in pool.members for one in members}
    single = [one for one in copies if one not in within]
    join_near(pool)
    single = _take(pool, single, gathered)
    single = _together(pool, single, copies, gathered)
    _spread_out(pool, copies, gathered)
    return Clustered(
        clusters=pool.clusters(), single=tuple(copy for one in single for copy in copies[one])
    )


def _copies(vectors: Vectors) -> dict[int, Places]:
    """The first place of each wording -> the places of all that are worded so, itself first."""
    copies: dict[int, Places] = {}
    for start in range(0, len(vectors), BLOCK):
        block, known = vectors[start : start + BLOCK], list(copies)
        near = block @ vectors[known].T if known else np.zeros((len(block), 1), np.float32)
        inner = block @ block.T
        for row in range(len(block)):
            best, place = int(near[row].argmax()), start + row
            earlier = [one for one in range(row) if start + one in copies]
            twin = next((start + one for one in earlier if inner[row, one] >= TWIN), None)
            head = known[best] if known and near[row, best] >= TWIN else twin
            copies.setdefault(place if head is None else head, []).append(place)
    return copies


def _spread_out(pool: Pool, copies: dict[int, Places], gathered: Sequence[Gathered]) -> None:
    """Put all that are worded as a member beside it."""
    for place, heads in enumerate(pool.members):
        more = [copy for one in heads for copy in copies[one][1:]]
        pool.members[place] = [*heads, *more]
        if more:
            told = tuple(label_of(gathered[one]) for one in more)
            merge = Merge(what="twins", into=pool.names[place], joined=told)
            pool.merges[place].append(merge)


def hdbscan() -> Any:
    """The class of scikit-learn.

    Raises:
        Lacking: it is not installed.
    """
    with needed("sklearn"):
        # Imported here: it takes a second to load, and other commands have no use for it.
        from sklearn.cluster import HDBSCAN
    return HDBSCAN


def _groups(places: Places, gathered: Sequence[Gathered]) -> Iterator[tuple[str, Places]]:
    """All together while they are few; else parted by one dimension of the scenario after another.

    What has no value in a dimension, or is too many in the last one, is cut as it comes.
    """
    waiting: list[tuple[tuple[str, ...], Places]] = [((), places)]
    while waiting:
        values, group = waiting.pop()
        if len(group) <= MOST_TOGETHER or len(values) == len(CELL):
            name = "-".join(values) or "all"
            for start in range(0, len(group), MOST_TOGETHER):
                yield f"{name}.{start}" if start else name, group[start : start + MOST_TOGETHER]
            continue
        parts: defaultdict[str, Places] = defaultdict(list)
        for place in group:
            parts[gathered[place].cell[len(values)]].append(place)
        waiting += [((*values, value or "unknown"), part) for value, part in parts.items()]


def _dense(vectors: Vectors) -> list[Places]:
    """The clusters that HDBSCAN finds; all else it calls noise."""
    if len(vectors) < 2 * SMALLEST:
        return []
    # The leaves: a principle among others of its topic is a leaf, the topic is not.
    model = hdbscan()(
        min_cluster_size=SMALLEST,
        min_samples=1,
        cluster_selection_method="leaf",
        algorithm="brute",
        copy=True,
    )
    labels = model.fit(vectors.astype(np.float64)).labels_
    return [np.flatnonzero(labels == label).tolist() for label in range(labels.max() + 1)]


def _take(pool: Pool, single: Places, gathered: Sequence[Gathered]) -> Places:
    """Let each cluster take the single criteria that are near to it; those that are left."""
    if not single or not pool.names:
        return single
    likeness = pool.vectors[single] @ pool.directions().T
    left = []
    for place, row in zip(single, likeness, strict=True):
        best = int(row.argmax())
        if row[best] < TAKE:
            left.append(place)
            continue
        pool.members[best].append(place)
        told = label_of(gathered[place]), round(float(row[best]), 3)
        pool.merges[best].append(
            Merge(what="singles", into=pool.names[best], joined=(told[0],), likeness=told[1])
        )
    return left


def _together(
    pool: Pool,
    single: Places,
    copies: dict[int, Places],
    gathered: Sequence[Gathered],
) -> Places:
    """Make clusters of what HDBSCAN saw as noise and is yet alike; those that are left.

    Where all criteria want the same it finds none, since nothing is denser than the rest.
    """
    left = list(single)
    for place in single:
        if place not in left:
            continue
        likeness = pool.vectors[left] @ pool.vectors[place]
        near = [one for one, like in zip(left, likeness, strict=True) if like >= ALIKE]
        if sum(len(copies[one]) for one in near) < SMALLEST:
            continue
        name = f"singles/{len(pool.names) + 1}"
        told = tuple(label_of(gathered[one]) for one in near)
        pool.add(name, near, [Merge(what="singles_together", into=name, joined=told)])
        left = [one for one in left if one not in near]
    return left
