"""The port to the principles: fetch them by id, or the ones nearest to a question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.embedding import TextVectors, Vectors
from inference.errors import BadInput
from principle_store.types import Library, Principle


@dataclass(frozen=True)
class Near:
    """A principle beside a question. Likenesses are cosines."""

    principle: Principle
    said: float
    """To what it says."""
    asked: NDArray[np.float32]
    """To each way that people ask for it."""
    wanted: NDArray[np.float32]
    """To each of its good criteria; a question is often like what its answer should hold."""
    criteria: Vectors
    """The vectors of its good criteria."""

    @cached_property
    def likeness(self) -> float:
        """The three ways of being alike count the same; who was never asked for counts as said."""
        asked = float(self.asked.max()) if self.asked.size else self.said
        return (self.said + asked + float(self.wanted.max())) / 3


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
        rows = [row for id in wanted for row in range(self._spans[id][0], self._spans[id][2])]
        cosines = self.vectors[rows] @ asked  # all at once: many small products are slow
        found, start = [], 0
        for id in wanted:
            found.append(self._one(id, cosines[start:]))
            start += self._spans[id][2] - self._spans[id][0]
        return sorted(found, key=lambda one: (-one.likeness, one.principle.id))

    def _one(self, id: str, cosines: NDArray[np.float32]) -> Near:
        start, middle, end = self._spans[id]
        ways, criteria = middle - start, self.vectors[middle:end]
        return Near(
            principle=self.principles[id],
            said=float(cosines[0]),
            asked=cosines[1:ways],
            wanted=cosines[ways : end - start],
            criteria=criteria,
        )


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
