"""Principles in a matrix: exact and without Chroma. The fake of the store, and its yardstick."""

import asyncio
from collections.abc import Iterable, Sequence

from inference.embedding import TextVectors
from principle_store.store import Near, Rows, direction
from principle_store.types import Library


class InMemoryPrincipleStore:
    def __init__(self, library: Library, questions: TextVectors, texts: TextVectors) -> None:
        self.library = library
        self._questions = questions
        self._rows = Rows(library, texts)

    async def nearest(
        self, texts: Sequence[str], count: int, also: Iterable[str] = ()
    ) -> Sequence[Near]:
        asked = direction(await asyncio.to_thread(self._questions.embed, list(texts)))
        everything = self._rows.near(self._rows.principles, asked)
        wanted = set(also)
        return [
            one
            for position, one in enumerate(everything)
            if position < count or one.principle.id in wanted
        ]
