"""How fast the library starts, what it weighs, and whether search holds with 100,000 principles.

    python benchmarks/scale.py [--principles 100000] [--json OUT]

Every figure is beside another of the same run: the time of embedding the question alone. The many
principles are synthetic: made of this library's words, with vectors near those of its texts.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.embedding import MemoEmbedder, OnnxEmbedder, TextVectors, Vectors
from inference.messages import Conversation
from inference.vectors import VectorCache
from principle_store.chroma import ChromaPrincipleStore
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy
from principle_store.search import PrincipleSearch
from principle_store.types import Library, Principle
from rubrics.glossary import load_glossaries
from rubrics.scenario import BuiltinScenarioReader
from rubrics.scenario_learning import kept

QUESTIONS = 40
K = 8
COLD = """
import asyncio, json, resource, sys, time
began = time.perf_counter()
from benchmarks.scale import opened, shipped
from inference.messages import Conversation
from principle_store.loading import load_library, load_taxonomy
imported = time.perf_counter()
_, reader, search = opened(load_library(load_taxonomy()), shipped())
asked = Conversation.of("How much paracetamol may an adult take in a day?")
asyncio.run(search.find(asyncio.run(reader.read(asked)), 8))
served = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"imports s": imported - began, "to the first answer s": served - imported,
                  "peak memory MiB": peak}))
"""


def shipped() -> VectorCache:
    return VectorCache(OnnxEmbedder(), Path("/nonexistent"), LIBRARY_VECTORS)


def opened(
    library: Library, texts: TextVectors
) -> tuple[ChromaPrincipleStore, BuiltinScenarioReader, PrincipleSearch]:
    """A library as it is served."""
    model = OnnxEmbedder()
    questions = MemoEmbedder(model)
    store = ChromaPrincipleStore(library, questions, texts)
    learned = kept(model.id)
    assert learned is not None
    glossaries = load_glossaries()
    reader = BuiltinScenarioReader(load_taxonomy(), glossaries, questions, lambda: learned)
    return store, reader, PrincipleSearch(store)


class Scattered:
    """A fake embedder of texts: each lies near one of the library's own."""

    def __init__(self, around: Vectors) -> None:
        self._around, self._chance = around, np.random.default_rng(0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        near = self._around[self._chance.integers(len(self._around), size=len(texts))]
        moved = near + self._chance.normal(0, 0.03, near.shape).astype(np.float32)
        scattered: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return scattered


def synthetic(library: Library, count: int) -> Library:
    """The library and so many more principles, each with a statement and one good criterion."""
    chance = random.Random(0)
    words = [word for one in library.principles for word in one.statement.split()]
    made = [
        _one(library.principles[number % len(library.principles)], number, chance, words)
        for number in range(count)
    ]
    return library.model_copy(
        update={"hash": f"synthetic-{count}", "principles": (*library.principles, *made)}
    )


def _one(pattern: Principle, number: int, chance: random.Random, words: list[str]) -> Principle:
    criterion = pattern.criteria[0].model_copy(update={"points": 5, "critical": False})
    return pattern.model_copy(
        update={
            "id": f"synthetic-{number}",
            "statement": " ".join(chance.choices(words, k=12)),
            "asked_as": (),
            "search_words": {},
            "guidance": pattern.guidance[:1],
            "criteria": (criterion,),
        }
    )


async def timed(library: Library, texts: TextVectors) -> dict[str, float]:
    """Medians: embedding a question alone, and reading it and searching, which embed it too."""
    model = OnnxEmbedder()
    began = time.perf_counter()
    _, reader, search = opened(library, texts)
    made = time.perf_counter() - began
    embeds, searches = [], []
    questions = [one.asked_as[0] for one in library.principles if one.asked_as]
    for question in questions[: QUESTIONS + 1]:
        began = time.perf_counter()
        model.embed([question])
        embedded = time.perf_counter()
        await search.find(await reader.read(Conversation.of(question)), K)
        embeds.append(embedded - began)
        searches.append(time.perf_counter() - embedded)
    # The first question loads the models.
    alone, whole = statistics.median(embeds[1:]), statistics.median(searches[1:])
    return {
        "records": len(library.searched_texts()),
        "made in s": round(made, 1),
        "embedding ms": round(1000 * alone, 1),
        "search ms": round(1000 * whole, 1),
        "ratio": round(whole / alone, 2),
        "peak memory MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


async def measured(count: int) -> dict[str, Any]:
    cold = [_cold() for _ in range(3)]
    library = load_library(load_taxonomy())
    own = len(library.principles)
    around = shipped().embed(library.searched_texts())
    return {
        "cold start, medians of 3": {
            name: round(statistics.median(one[name] for one in cold), 2) for name in cold[0]
        },
        f"{own} principles": await timed(library, shipped()),
        f"{own + count} principles": await timed(synthetic(library, count), Scattered(around)),
    }


def _cold() -> dict[str, float]:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", COLD], cwd=root, capture_output=True, text=True, check=True
    )
    said: dict[str, float] = json.loads(done.stdout)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--principles", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = asyncio.run(measured(given.principles))
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
