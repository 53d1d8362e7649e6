"""Measures the built-in judge and writes the passport that its results quote.

    python benchmarks/builtin_judge.py [--data kqa_nli_physicians_sample.jsonl]

Against physicians: K-QA (MIT), a statement counts as met when most of three say that the answer
entails it. Then how long 10,000 verdicts take. What it is worth on this project's own pairs, held
out, `tools/fit_builtin_judge.py` prints.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.embedding import MemoEmbedder, OnnxEmbedder
from inference.messages import Conversation, Message
from rubrics.agreement import Labelled
from rubrics.builtin_judge import BuiltinJudge
from rubrics.passport import Passport, passport_for
from rubrics.types import Criterion, Rubric, Verdict
from tools.judge_pairs import load_pairs

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "rubrics" / "builtin_passport.json"
KQA = "kqa_nli_physicians_sample.jsonl"
REMARK = "design choices were made with a look at these rows, so take it as an upper estimate"
ANSWERS, CRITERIA = 1_000, 10  # of the timing


def labelled(rows: Sequence[dict[str, Any]]) -> list[Labelled]:
    """K-QA's rows with the majority as the one label."""
    return [
        Labelled(
            prompt=(Message(role="user", content=row["question"]),),
            completion=row["answer"],
            criterion=row["claim"],
            labels=(row["majority_label"] == "Entailment",),
            category=row["category"],
        )
        for row in rows
    ]


async def judged(judge: BuiltinJudge, rows: Sequence[Labelled]) -> list[Verdict]:
    found: list[Verdict] = []
    for row in rows:
        rubric = Rubric(criteria=(row.as_criterion(),))
        found += await judge.verdicts(row.asked(), row.completion, rubric)
    return found


async def measured(rows: Sequence[dict[str, Any]]) -> Passport:
    judge, known = BuiltinJudge(OnnxEmbedder()), labelled(rows)
    verdicts = await judged(judge, known)
    name, data = judge.name, "statements about model answers (K-QA)"
    return passport_for(name, judge.fingerprint, data, known, verdicts, REMARK)


async def seconds_for_many() -> float:
    """The time for 10,000 verdicts: 1,000 different answers, 10 criteria each."""
    pairs = [one for one in load_pairs() if one.language == "en"]
    texts = [text for one in pairs for text in (one.met, one.unmet)]
    chance = np.random.default_rng(0)
    judge = BuiltinJudge(MemoEmbedder(OnnxEmbedder()))
    began = time.perf_counter()
    for answer in texts[:ANSWERS]:
        chosen = [pairs[place] for place in chance.choice(len(pairs), CRITERIA, replace=False)]
        criteria = [
            Criterion(id=f"c{place}", criterion=one.criterion, points=one.points)
            for place, one in enumerate(chosen)
        ]
        asked = Conversation.of(chosen[0].question)
        await judge.verdicts(asked, answer, Rubric(criteria=tuple(criteria)))
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / KQA)
    data = parser.parse_args().data
    lines = data.read_text(encoding="utf-8").split("\n")
    passport = asyncio.run(measured([json.loads(line) for line in lines if line]))
    TARGET.write_text(passport.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(passport)
    print(f"{ANSWERS * CRITERIA:,} verdicts: {asyncio.run(seconds_for_many()):.1f} s")


if __name__ == "__main__":
    main()
