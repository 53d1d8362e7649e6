"""Scenario reading and retrieval, measured on physician-agreed labels and physicians' criteria.

    python benchmarks/retrieval.py [--data healthbench_scenarios_dev.jsonl] [--json OUT]

Prints macro-F1 of the scenario reader with bootstrap intervals; side by side for our search and
three peers (Chroma dense alone, one vector a principle; BM25 alone; labels alone) the share of
physicians' positive criteria whose nearest criterion among eight retrieved principles has a cosine
of at least 0.5; and which share of the principles for an English question its twin in another
language finds. Nothing is learned from these rows, and none of their text is kept.
"""

import argparse
import asyncio
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import yaml
from chromadb.config import Settings

from inference.embedding import MemoEmbedder, OnnxEmbedder, Vectors
from inference.messages import Conversation
from inference.words import read
from principle_store.chroma import ChromaPrincipleStore
from principle_store.lexical import LexicalIndex
from principle_store.loading import load_library, load_taxonomy
from principle_store.search import PrincipleSearch, bonus
from principle_store.types import Library
from rubrics.glossary import load_glossaries
from rubrics.scenario import BuiltinScenarioReader
from rubrics.scenario_learning import kept, learned

ROOT = Path(__file__).parent.parent
K, NEAR = 8, 0.5
OURS = {
    "conditionally-emergent": "conditionally_emergent",
    "non-emergent": "non_emergent",
    "no-uncertainty": "none",
    "only-irreducible-uncertainty": "irreducible",
    "any-reducible-uncertainty": "reducible",
    "health-professional": "health_professional",
    "not-health-professional": "layperson",
}
Pairs = list[tuple[str, str]]


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over the values that occur as truth; an unspecified reading is simply wrong."""
    scores = []
    for value in {truth for truth, _ in pairs}:
        right = sum(truth == said == value for truth, said in pairs)
        wrong = sum((truth == value) != (said == value) for truth, said in pairs)
        scores.append(2 * right / (2 * right + wrong))
    return statistics.mean(scores)


def interval(pairs: Pairs) -> list[float]:
    """95 % of 1,000 bootstrap resamples."""
    chance = np.random.default_rng(0)
    draws = [[pairs[i] for i in chance.integers(len(pairs), size=len(pairs))] for _ in range(1000)]
    low, high = np.percentile([macro_f1(draw) for draw in draws], [2.5, 97.5])
    return [round(float(low), 3), round(float(high), 3)]


class Bench:
    def __init__(self) -> None:
        self.taxonomy = load_taxonomy()
        self.library: Library = load_library(self.taxonomy)
        self.model = OnnxEmbedder()
        self.embedder = MemoEmbedder(self.model, size=20_000)
        glossaries = load_glossaries()
        self.reader = BuiltinScenarioReader(
            self.taxonomy,
            glossaries,
            self.embedder,
            lambda: kept(self.model.id) or learned(self.taxonomy, glossaries, self.embedder),
        )
        self.store = ChromaPrincipleStore(self.library, self.embedder, self.embedder)
        self.search = PrincipleSearch(self.store)
        self.words = LexicalIndex(self.library)
        self.dense = self._dense()

    def _dense(self) -> chromadb.Collection:
        """What a plain use of Chroma is: one vector a principle."""
        client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
        collection = client.get_or_create_collection(
            "dense-alone", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        principles = self.library.principles
        texts = [f"{one.statement} {one.rationale}" for one in principles]
        collection.upsert([one.id for one in principles], self.embedder.embed(texts))
        return collection

    async def ours(self, asked: Conversation) -> list[str]:
        found = await self.search.find(await self.reader.read(asked), K)
        return [one.principle.id for one in found]

    async def methods(self, asked: Conversation) -> dict[str, list[str]]:
        """The ids that each way of searching brings back."""
        reading = await self.reader.read(asked)
        dense = self.dense.query(query_embeddings=self.embedder.embed([asked.recent]), n_results=K)
        shares = dict(zip(self.words.ids, self.words.shares(reading), strict=True))
        labels = {one.id: bonus(one, reading.scenario) for one in self.library.principles}
        return {
            "ours": await self.ours(asked),
            "dense alone": dense["ids"][0],
            "BM25 alone": _top(shares.__getitem__, shares),
            "labels alone": _top(labels.__getitem__, labels),
        }

    async def twins(self) -> dict[str, float]:
        """For each language the share of the English twin's principles that are found."""
        text = (Path(__file__).parent / "twin_questions.yaml").read_text(encoding="utf-8")
        found: dict[str, list[float]] = {}
        for row in yaml.safe_load(text):
            english = await self.ours(Conversation.of(row["english"]))
            same = set(english) & set(await self.ours(Conversation.of(row["question"])))
            share = len(same) / len(english)
            found.setdefault(row["language"], []).append(share)
            found.setdefault("all", []).append(share)
        return {language: round(statistics.mean(shares), 3) for language, shares in found.items()}

    def criteria(self, ids: Sequence[str]) -> Vectors:
        chosen = [one for one in self.library.principles if one.id in ids]
        good = [c.criterion for one in chosen for c in one.criteria if c.points > 0]
        return self.embedder.embed(good)


def _top(key: Callable[[str], float], ids: Any) -> list[str]:
    return sorted(ids, key=lambda id: (-key(id), id))[:K]


async def measured(rows: list[dict[str, Any]]) -> dict[str, Any]:
    bench = Bench()
    read_as: dict[str, Pairs] = {}
    covered: dict[str, list[float]] = {}
    for row in rows:
        asked = read(Conversation, {"messages": row["prompt"]}, "conversation")
        reading = await bench.reader.read(asked)
        for name, label in row["labels"].items():
            if name in ("urgency", "uncertainty", "expertise"):
                pair = (OURS.get(label, label), reading.scenario.value(name))
                read_as.setdefault(name, []).append(pair)
        wanted = [one["criterion"] for one in row["rubrics"] if one["points"] > 0]
        vectors = bench.embedder.embed(wanted)
        for method, ids in (await bench.methods(asked)).items():
            hits = (vectors @ bench.criteria(ids).T).max(axis=1) >= NEAR
            covered.setdefault(method, []).extend(hits.tolist())
    return {
        "principles": len(bench.library.principles),
        "scenario macro-F1": {
            name: {"f1": round(macro_f1(pairs), 3), "interval": interval(pairs), "n": len(pairs)}
            for name, pairs in read_as.items()
        },
        "criterion coverage": {
            name: round(statistics.mean(hits), 4) for name, hits in covered.items()
        },
        "criteria": len(covered["ours"]),
        "twins in other languages": await bench.twins(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT.parent / "shared" / "data" / "healthbench_scenarios_dev.jsonl"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    text = given.data.read_text(encoding="utf-8")
    figures = asyncio.run(measured([json.loads(line) for line in text.split("\n") if line]))
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
