"""What a distilled judge is worth when it learns from labels whose truth is known, and how fast.

    taskset -c 0 python benchmarks/verifier.py --encoder FOLDER [--learn pairs] [--out FOLDER]

In place of a judge's verdicts it is given this project's own labels: the pairs of
`tools/judge_examples` (two answers of one length that part ways on one criterion) or the library's
examples. So it shows what the way of training can do, not what any judge's verdicts would teach.
Then it is held against physicians (K-QA), of which it learns nothing.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.builtin_judge import KQA, ROOT, judged, labelled
from clinalign.commands import train_judge
from inference.messages import Conversation
from principle_store.loading import load_library, load_taxonomy
from rubrics.distilled_judge import DistilledJudge
from rubrics.passport import passport_for
from rubrics.types import Criterion, Rubric
from tools.fit_builtin_judge import triples_of
from tools.judge_pairs import load_pairs
from training.verifier import Recipe
from training.verifier_data import lessons_of, parted

TEACHER = "this project's own labels (no judge)"
HELD_OUT = 0.2
ANSWERS, CRITERIA = 100, 10  # of the timing


def rows_of_pairs() -> Iterator[dict[str, Any]]:
    for pair in load_pairs():
        if pair.language == "en":
            yield _row(pair.question, pair.criterion, pair.points, pair.answers())


def rows_of_library() -> Iterator[dict[str, Any]]:
    library = load_library(load_taxonomy()).principles
    for position in range(len(library)):
        for question, answer, criterion, harmful, met in triples_of(position, library):
            yield _row(question, criterion, -5 if harmful else 5, [(answer, met)])


def _row(question: str, criterion: str, points: float, answers: Any) -> dict[str, Any]:
    said = [
        {
            "answer": answer,
            "verdicts": [{"criterion_id": "c1", "verdict": "MET" if met else "UNMET"}],
        }
        for answer, met in answers
    ]
    rubric = [{"id": "c1", "criterion": criterion, "points": points}]
    return {"prompt": question, "judge": TEACHER, "rubrics": rubric, "answers": said}


def told_apart(judge: DistilledJudge, rows: Sequence[dict[str, Any]], seed: int) -> str:
    """How often the answer that meets the criterion is rated above its twin that does not."""
    lessons = lessons_of((f"row {place}", row) for place, row in enumerate(rows))
    chances: dict[tuple[str, str], dict[bool, float]] = {}
    for one in parted(lessons.examples, HELD_OUT, seed).held_out:
        criterion = Criterion(id="c1", criterion=one.criterion, points=1)
        asked, rubric = Conversation.of(one.question), Rubric(criteria=(criterion,))
        (verdict,) = asyncio.run(judge.verdicts(asked, one.answer, rubric))
        if verdict.probability is not None:
            of_pair = chances.setdefault((one.question, one.criterion), {})
            of_pair[one.met] = verdict.probability
    both = [one for one in chances.values() if len(one) == 2]
    right = sum(one[True] > one[False] for one in both)
    return f"{right} of {len(both)} held-out pairs told apart"


def beside_physicians(judge: DistilledJudge, data: Path) -> str:
    lines = data.read_text(encoding="utf-8").split("\n")
    known = labelled([json.loads(line) for line in lines if line])
    verdicts = asyncio.run(judged(judge, known))
    name = "statements about model answers (K-QA)"
    return str(passport_for(judge.name, judge.fingerprint, name, known, verdicts))


def seconds_for_many(judge: DistilledJudge) -> float:
    pairs = [one for one in load_pairs() if one.language == "en"][:ANSWERS]
    rubric = Rubric(
        criteria=tuple(
            Criterion(id=f"c{place}", criterion=one.criterion, points=one.points)
            for place, one in enumerate(pairs[:CRITERIA])
        )
    )
    began = time.perf_counter()
    for one in pairs:
        asyncio.run(judge.verdicts(Conversation.of(one.question), one.met, rubric))
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--learn", choices=("pairs", "library", "both"), default="pairs")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / KQA)
    given = parser.parse_args()
    rows = [*rows_of_pairs()] if given.learn != "library" else []
    rows += [*rows_of_library()] if given.learn != "pairs" else []
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder) / "verifier"
        file = Path(folder) / "verdicts.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
        recipe = Recipe(epochs=given.epochs, seed=given.seed)
        began = time.perf_counter()
        order = train_judge.Order(str(file), given.encoder, str(out), recipe, HELD_OUT)
        train_judge.run(order, as_json=False)
        print(f"training, baseline and export: {time.perf_counter() - began:.0f} s")
        judge = DistilledJudge(out)
        if given.learn == "pairs":
            print(told_apart(judge, rows, given.seed))
        print(f"beside physicians: {beside_physicians(judge, given.data)}")
        seconds = seconds_for_many(judge)
        print(f"{ANSWERS * CRITERIA / seconds:.0f} verdicts a second")


if __name__ == "__main__":
    main()
