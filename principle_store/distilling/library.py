"""Holds a cluster against the library: is it new, does it refine a principle, or is it one."""

from collections.abc import Sequence

import numpy as np

from inference.embedding import TextVectors, Vectors
from principle_store.distilling.words import Gathered, Nearest
from principle_store.store import direction
from principle_store.types import Library

# Of 59 proposals of the planted set, read one by one: from 0.7 on the library's principle was about
# the same matter in four of five, below it mostly about another; from 0.82 on it was the same wish.
DUPLICATE, REFINES = 0.82, 0.7
VERBATIM = 0.5  # share of members that are a principle's own criteria, word for word


class Shelf:
    """The library's principles as directions to compare with.

    Args:
        library: the principles.
        texts: embeds them; the shipped vectors serve.
    """

    def __init__(self, library: Library, texts: TextVectors) -> None:
        said = [
            (one.id, text)
            for one in library.principles
            for text in (f"{one.statement} {one.rationale}", *one.good_criteria())
        ]
        self._ids = [id for id, _ in said]
        self._vectors = texts.embed([text for _, text in said]) if said else None
        self._owner = {row.criterion: one.id for one in library.principles for row in one.criteria}

    def nearest(
        self, members: Sequence[int], gathered: Sequence[Gathered], vectors: Vectors
    ) -> Nearest:
        """The principle that these criteria are, or else the nearest to their direction."""
        owners = [self._owner.get(gathered[one].text, "") for one in members]
        most = max(dict.fromkeys(owners), key=owners.count)
        if most and owners.count(most) >= VERBATIM * len(owners):
            return Nearest(relation="duplicate", principle_id=most, likeness=1.0)
        if self._vectors is None:
            return Nearest(relation="new")
        cosines = self._vectors @ direction(vectors[list(members)])
        best = int(np.argmax(cosines))
        found = Nearest(
            relation="new", principle_id=self._ids[best], likeness=round(float(cosines[best]), 3)
        )
        if found.likeness >= DUPLICATE:
            return found.model_copy(update={"relation": "duplicate"})
        if found.likeness >= REFINES:
            return found.model_copy(update={"relation": "refines"})
        return found
