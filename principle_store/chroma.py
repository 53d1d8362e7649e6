"""Principles in an embedded Chroma collection, made anew from the library's files at each start.

The collection lives in this process's memory: Chroma's folders are not safe between processes, and
the files are the record. Vectors come from our embedder only; Chroma's own would be downloaded.
Chroma names the candidates, unfiltered; how near they are is then told exactly.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence

import chromadb
import numpy as np
from chromadb.config import Settings

from inference.embedding import TextVectors, Vectors
from principle_store.store import Near, Rows, direction
from principle_store.types import Library

RECORDS_A_PRINCIPLE = 3  # fetched for one that is wanted: near ones come with several records
AT_ONCE = 5000  # records; Chroma refuses larger writes


class ChromaPrincipleStore:
    def __init__(self, library: Library, questions: TextVectors, texts: TextVectors) -> None:
        self.library = library
        self._questions = questions
        self._rows = Rows(library, texts)
        self._owners = self._rows.owners()
        self._collection = _collection(library, self._rows.vectors)

    async def nearest(
        self, texts: Sequence[str], count: int, also: Iterable[str] = ()
    ) -> Sequence[Near]:
        return await asyncio.to_thread(self._nearest, list(texts), count, list(also))

    def _nearest(self, texts: list[str], count: int, also: list[str]) -> Sequence[Near]:
        asked = direction(self._questions.embed(texts))
        found = self._collection.query(
            query_embeddings=asked[np.newaxis],
            n_results=min(count * RECORDS_A_PRINCIPLE, len(self._owners)),
            include=[],
        )
        owners = dict.fromkeys(self._owners[int(row)] for row in found["ids"][0])
        return self._rows.near([*list(owners)[:count], *also], asked)


def _collection(library: Library, vectors: Vectors) -> chromadb.Collection:
    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    # All embedded clients of a process share one memory: the hash keeps apart what differs.
    index = hashlib.sha256(library.hash.encode() + vectors.tobytes()).hexdigest()
    collection = client.get_or_create_collection(
        f"principles-{index[:32]}",
        embedding_function=None,
        configuration={"hnsw": {"space": "cosine"}},
    )
    for start in range(0, len(vectors), AT_ONCE):
        part = vectors[start : start + AT_ONCE]
        collection.upsert(ids=[str(start + row) for row in range(len(part))], embeddings=part)
    return collection
