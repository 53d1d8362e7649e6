"""The port to the principles: fetch them by id, or the ones nearest to a text."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from inference.errors import BadInput
from principle_store.types import Library, Principle


class PrincipleStore(Protocol):
    @property
    def library(self) -> Library: ...

    async def nearest(self, text: str, count: int) -> Sequence[tuple[Principle, float]]:
        """Up to `count` principles and their cosine to the text, nearest first, then by id."""


def nearest_first(
    hits: Iterable[tuple[Principle, float]], count: int
) -> Sequence[tuple[Principle, float]]:
    """Each principle once, with its best hit."""
    best: dict[str, tuple[Principle, float]] = {}
    for principle, cosine in hits:
        if principle.id not in best or cosine > best[principle.id][1]:
            best[principle.id] = (principle, cosine)
    return sorted(best.values(), key=lambda hit: (-hit[1], hit[0].id))[:count]


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
