"""Principles in a matrix: exact and without Chroma. The fake of the store, and its yardstick."""

import asyncio
from collections.abc import Sequence

from inference.embedding import TextVectors
from principle_store.store import nearest_first
from principle_store.types import Library, Principle


class InMemoryPrincipleStore:
    def __init__(self, library: Library, questions: TextVectors, texts: TextVectors) -> None:
        self.library = library
        self._questions = questions
        self._owners = [one for one in library.principles for _ in one.searched_texts()]
        self._vectors = texts.embed(library.searched_texts())

    async def nearest(self, text: str, count: int) -> Sequence[tuple[Principle, float]]:
        (asked,) = await asyncio.to_thread(self._questions.embed, [text])
        return nearest_first(
            zip(self._owners, (self._vectors @ asked).tolist(), strict=True), count
        )
