"""Scenario reading and retrieval, measured on physician-agreed labels and physicians' criteria.

    python benchmarks/retrieval.py [--data healthbench_scenarios_dev.jsonl] [--json OUT]

Prints macro-F1 of the scenario reader with bootstrap intervals, and side by side for our search
and three peers (dense alone, BM25 alone, labels alone): the share of physicians' positive criteria
whose nearest criterion among eight retrieved principles has a cosine of at least 0.5. Nothing is
learned from these rows, and none of their text is kept.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.embedding import MemoEmbedder, OnnxEmbedder, Vectors
from inference.messages import Conversation
from inference.words import read
from principle_store.chroma import ChromaPrincipleStore
from principle_store.lexical import LexicalIndex
from principle_store.loading import load_library, load_taxonomy
from principle_store.search import PrincipleSearch, bonus
from principle_store.types import Library
from rubrics.scenario import ScenarioReader
from rubrics.types import Scenario

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
        self.reader = ScenarioReader(self.taxonomy, self.embedder, self.embedder)
        self.store = ChromaPrincipleStore(self.library, self.embedder, self.embedder)
        self.search = PrincipleSearch(self.store)
        self.words = LexicalIndex(self.library)

    async def methods(self, asked: Conversation, scenario: Scenario) -> dict[str, list[str]]:
        """The ids that each way of searching brings back."""
        found = await self.search.find(asked, scenario, K)
        dense = await self.store.nearest(asked.recent, K)
        shares = self.words.shares(asked.recent)
        labels = {one.id: bonus(one, scenario) for one in self.library.principles}
        return {
            "ours": [one.principle.id for one in found],
            "dense alone": [one.id for one, _ in dense],
            "BM25 alone": _top(shares.__getitem__, shares),
            "labels alone": _top(labels.__getitem__, labels),
        }

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
    search_seconds, embed_seconds = [], []
    for row in rows:
        asked = read(Conversation, {"messages": row["prompt"]}, "conversation")
        scenario = await bench.reader.read(asked)
        for name, label in row["labels"].items():
            if name in ("urgency", "uncertainty", "expertise"):
                pair = (OURS.get(label, label), scenario.value(name))
                read_as.setdefault(name, []).append(pair)
        wanted = [one["criterion"] for one in row["rubrics"] if one["points"] > 0]
        vectors = bench.embedder.embed(wanted)
        for method, ids in (await bench.methods(asked, scenario)).items():
            hits = (vectors @ bench.criteria(ids).T).max(axis=1) >= NEAR
            covered.setdefault(method, []).extend(hits.tolist())
        began = time.perf_counter()
        bench.model.embed([asked.recent])
        embed_seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        await bench.search.find(asked, scenario, K)
        search_seconds.append(time.perf_counter() - began)
    embedding = statistics.median(embed_seconds)
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
        "search over embedding, medians": round(
            (statistics.median(search_seconds) + embedding) / embedding, 2
        ),
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
