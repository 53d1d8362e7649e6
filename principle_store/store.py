"""The port to the principles: fetch them by id, or the ones nearest to a question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.embedding import TextVectors, Vectors
from inference.errors import BadInput
from principle_store.types import Library, Principle

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """A principle beside a question. Likenesses are cosines."""

    principle: Principle
    said: float
    """To what it says."""
    likeness: float
    """To what it says, to the nearest way that people ask for it, and to its nearest good
    criterion, since a question is often like what its answer should hold: the three count the same.
    Who was never asked for counts as said."""
    wanted: NDArray[np.float32]
    """To each of its good criteria."""
    criteria: Vectors
    """The vectors of its good criteria."""


class PrincipleStore(Protocol):
    @property
    def library(self) -> Library: ...

    async def nearest(
        self, texts: Sequence[str], count: int, also: Iterable[str] = ()
    ) -> Sequence[Near]:
        """About `count` principles near to the texts' mean direction, and those of `also`.

        Args:
            texts: what is asked, said in one or several ways.
            count: how many to look for; a few more or less may come.
            also: ids of principles to compare in any case.

        Returns:
            The nearest first, then by id.
        """


class Rows:
    """A library's vectors: which rows of the matrix belong to which principle."""

    def __init__(self, library: Library, texts: TextVectors) -> None:
        self.principles: Mapping[str, Principle] = {one.id: one for one in library.principles}
        self.vectors = texts.embed(library.searched_texts())
        self._spans: dict[str, tuple[int, int, int]] = {}
        start = 0
        for one in library.principles:
            middle = start + 1 + len(one.asked_as)
            self._spans[one.id] = (start, middle, middle + len(one.good_criteria()))
            start = self._spans[one.id][2]

    def owners(self) -> list[str]:
        """The id of the principle that each row belongs to."""
        return [id for id, (start, _, end) in self._spans.items() for _ in range(start, end)]

    def near(self, ids: Iterable[str], asked: Vectors) -> list[Near]:
        """These principles beside the vector asked for, nearest first, then by id."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return []
        spans = np.array([self._spans[id] for id in wanted])
        rows = np.concatenate([np.arange(start, end) for start, _, end in spans])
        cosines = self.vectors[rows] @ asked  # all at once: many small products are slow
        first = np.cumsum([0, *(spans[:-1, 2] - spans[:-1, 0])])
        middle = first + spans[:, 1] - spans[:, 0]
        likenesses = _likenesses(cosines, first, middle)
        found = [
            Near(
                principle=self.principles[id],
                said=float(cosines[place]),
                likeness=float(likeness),
                wanted=cosines[begin : begin + end - start],
                criteria=self.vectors[start:end],
            )
            for id, likeness, place, begin, (_, start, end) in zip(
                wanted, likenesses, first, middle, spans, strict=True
            )
        ]
        return sorted(found, key=lambda one: (-one.likeness, one.principle.id))


def _likenesses(cosines: Vectors, first: Places, middle: Places) -> NDArray[np.float32]:
    """Of each principle, whose rows are what it says, the ways of asking, its good criteria."""
    parts = np.column_stack([first, first + 1, middle])
    said, asked, wanted = np.maximum.reduceat(cosines, parts.ravel()).reshape(parts.shape).T
    likenesses: NDArray[np.float32] = (
        said + np.where(first + 1 < middle, asked, said) + wanted
    ) / 3
    return likenesses


def direction(vectors: Vectors) -> Vectors:
    """The mean direction of the rows, of length 1."""
    mean = vectors.mean(axis=0)
    pointing: Vectors = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return pointing


def principles_by_id(library: Library, ids: Iterable[str]) -> tuple[Principle, ...]:
    """The principles of these ids, in the order asked for.

    Raises:
        BadInput: an id is not in the library.
    """
    by_id = {principle.id: principle for principle in library.principles}
    for id in ids:
        if id not in by_id:
            raise BadInput(
                "principle_ids",
                f"ids of library {library.version}; find them by get_health_principles",
                id,
            )
    return tuple(by_id[id] for id in ids)
