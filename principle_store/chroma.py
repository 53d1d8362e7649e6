"""Principles in an embedded Chroma collection, made anew from the library's files at each start.

The collection lives in this process's memory: Chroma's folders are not safe between processes, and
the files are the record. Vectors come from our embedder only; Chroma's own would be downloaded.
"""

import asyncio
from collections.abc import Sequence

import chromadb
from chromadb.config import Settings

from inference.embedding import TextVectors
from principle_store.store import nearest_first
from principle_store.types import Library, Principle

RECORDS_A_PRINCIPLE = 6  # its statement and the ways people ask for it


class ChromaPrincipleStore:
    def __init__(self, library: Library, questions: TextVectors, texts: TextVectors) -> None:
        self.library = library
        self._questions = questions
        self._owners = {
            f"{principle.id}/{position}": principle
            for principle in library.principles
            for position, _ in enumerate(principle.searched_texts())
        }
        self._collection = _collection(library, list(self._owners), texts)

    async def nearest(self, text: str, count: int) -> Sequence[tuple[Principle, float]]:
        return await asyncio.to_thread(self._nearest, text, count)

    def _nearest(self, text: str, count: int) -> Sequence[tuple[Principle, float]]:
        found = self._collection.query(
            query_embeddings=self._questions.embed([text]),
            n_results=min(count * RECORDS_A_PRINCIPLE, len(self._owners)),
            include=["distances"],
        )
        distances = found["distances"] or [[]]
        hits = zip(found["ids"][0], distances[0], strict=True)
        return nearest_first(((self._owners[id], 1.0 - distance) for id, distance in hits), count)


def _collection(library: Library, ids: list[str], texts: TextVectors) -> chromadb.Collection:
    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    # All embedded clients of a process share one memory: the hash keeps libraries apart.
    collection = client.get_or_create_collection(
        f"principles-{library.hash[:32]}",
        embedding_function=None,
        configuration={"hnsw": {"space": "cosine"}},
    )
    collection.upsert(ids=ids, embeddings=texts.embed(library.searched_texts()))
    return collection
