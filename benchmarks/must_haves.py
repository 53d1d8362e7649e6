"""Measures how much of what physicians call a must is asked for by synthesised rubrics.

    python benchmarks/must_haves.py --data kqa_sample.jsonl [--rubrics RUBRICS.jsonl]

Rows of K-QA: `Question`, `Must_have` (statements that physicians want in an answer). A statement
is asked for if a criterion with positive points is at least 0.6 alike in meaning (cosine of the
bundled embedder); the share is over all statements. Without `--rubrics` they are synthesised here
without a model; with it, rows are found by their question. Nothing of them is written anywhere.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from inference.embedding import OnnxEmbedder

ALIKE = 0.6


def rubrics_of(questions: list[str]) -> list[dict[str, Any]]:
    """Synthesised without a model."""
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder, "questions.jsonl"), Path(folder, "rubrics.jsonl")
        lines = (json.dumps({"prompt": one}) + "\n" for one in questions)
        asked.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "clinalign", "synthesize", str(asked), "--out", str(out)]
        subprocess.run([*command, "--no-find"], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rubrics", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.data.read_text(encoding="utf-8").splitlines()]
    made = [
        json.loads(line)
        for path in given.rubrics
        for line in path.read_text(encoding="utf-8").splitlines()
    ] or rubrics_of([row["Question"] for row in rows])
    by_question = {row["prompt"][-1]["content"]: row["rubrics"] for row in made}
    embedder, asked_for, wanted, criteria = OnnxEmbedder(), 0, 0, 0
    for row in rows:
        if row["Question"] not in by_question and given.rubrics:
            continue
        good = [
            one["criterion"] for one in by_question.get(row["Question"], ()) if one["points"] > 0
        ]
        musts = row["Must_have"]
        wanted, criteria = wanted + len(musts), criteria + len(good)
        if good and musts:
            alike = embedder.embed(musts) @ embedder.embed(good).T
            asked_for += int((alike.max(axis=1) >= ALIKE).sum())
    found = {
        "questions": len(by_question),
        "criteria": criteria,
        "must_have": wanted,
        "asked_for": asked_for,
        "share": round(asked_for / wanted, 3),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
