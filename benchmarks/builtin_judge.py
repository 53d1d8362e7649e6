"""Measures the built-in judge against physicians' verdicts and writes its passport.

    python benchmarks/builtin_judge.py [--data kqa_nli_physicians_sample.jsonl]

A statement counts as met when most physicians say that the answer entails it. Source of the data:
K-QA (MIT). The figures go to `rubrics/builtin_agreement.json`, which the judge's results quote.
"""

import argparse
import asyncio
import json
from pathlib import Path

from inference.embedding import OnnxEmbedder
from inference.messages import Conversation
from rubrics.builtin_judge import BuiltinJudge
from rubrics.types import Criterion, Rubric

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "rubrics" / "builtin_agreement.json"
REMARK = (
    "the choice between two sets of figures was made with a look at these rows, so take it as an "
    "upper estimate"
)


async def measured(rows: list[dict[str, str]]) -> dict[str, object]:
    judge = BuiltinJudge(OnnxEmbedder())
    pairs = []
    for row in rows:
        claim = Rubric(criteria=(Criterion(id="c1", criterion=row["claim"], points=1),))
        asked = Conversation.of(row["question"])
        (verdict,) = await judge.verdicts(asked, row["answer"], claim)
        pairs.append((row["majority_label"] == "Entailment", verdict.verdict))
    answered = [(truth, said == "MET") for truth, said in pairs if said in ("MET", "UNMET")]
    positive, negative = _f1(answered, True), _f1(answered, False)
    return {
        "data": "statements about model answers (K-QA)",
        "n": len(pairs),
        "coverage": round(len(answered) / len(pairs), 3),
        "f1_positive": round(positive, 3),
        "f1_negative": round(negative, 3),
        "f1_balanced": round((positive + negative) / 2, 3),
        "remark": REMARK,
    }


def _f1(pairs: list[tuple[bool, bool]], value: bool) -> float:
    right = sum(truth == said == value for truth, said in pairs)
    wrong = sum((truth == value) != (said == value) for truth, said in pairs)
    return 2 * right / (2 * right + wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT.parent / "shared" / "data" / "kqa_nli_physicians_sample.jsonl"
    parser.add_argument("--data", type=Path, default=default)
    data = parser.parse_args().data
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").split("\n") if line]
    figures = asyncio.run(measured(rows))
    TARGET.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
