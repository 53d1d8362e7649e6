"""Chooses a compact set of clusters: those that stand for much and are like no chosen one.

A cluster covers each of its members as far as the member lies in the cluster's direction, so that a
loose heap counts for less than its size. Being near a chosen cluster counts against it. It ends at
the budget, or at the elbow: where a further one would add little beside those before it, and all
that is left does not come to much either.
"""

from collections.abc import Collection, Sequence

import numpy as np

from inference.embedding import Vectors
from principle_store.distilling.words import Cluster
from principle_store.store import direction

REDUNDANT = 0.5  # cosine of two clusters from which on they are redundant, fully so at 1
ELBOW = 0.4  # of what the chosen ones added on average: who adds less is not worth a place
LEFT = 0.2  # of all: as long as more than this is to be had, it goes on below the elbow too


def chosen(
    clusters: Sequence[Cluster],
    vectors: Vectors,
    budget: int | None = None,
    apart: Collection[frozenset[str]] = (),
) -> list[tuple[int, float]]:
    """The places of the chosen clusters with what each added, in criteria; the best first.

    Args:
        clusters: to choose from.
        vectors: of all criteria.
        budget: how many at most; None: until the elbow alone.
        apart: names of two that a model has told apart, so that neither is redundant.
    """
    if not clusters:
        return []
    directions = np.stack([direction(vectors[list(one.members)]) for one in clusters])
    covers = [
        float((vectors[list(one.members)] @ along).sum())
        for one, along in zip(clusters, directions, strict=True)
    ]
    alike = np.clip((directions @ directions.T - REDUNDANT) / (1 - REDUNDANT), 0, 1)
    place_of = {one.name: place for place, one in enumerate(clusters)}
    for first, second in (sorted(pair) for pair in apart if pair <= place_of.keys()):
        alike[place_of[first], place_of[second]] = alike[place_of[second], place_of[first]] = 0
    overlap, taken = np.zeros(len(clusters)), dict[int, float]()
    while len(taken) < min(len(clusters), budget or len(clusters)):
        gains = np.array(covers) * (1 - overlap)
        gains[list(taken)] = 0
        best = int(gains.argmax())
        is_little = taken and gains[best] < ELBOW * np.mean(list(taken.values()))
        if is_little and gains.sum() <= LEFT * sum(covers):
            break
        taken[best] = round(float(gains[best]), 2)
        overlap = np.maximum(overlap, alike[best])
    return list(taken.items())
