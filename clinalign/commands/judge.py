"""`clinalign judge`: one answer's verdicts; a judge's agreement with physicians."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clinalign.commands.files import read_json, read_lines, read_text
from clinalign.judging import Bench, Choice, open_bench
from clinalign.passports import keep_passport
from clinalign.render import show_agreement, show_verdicts
from clinalign.settings import Settings
from inference.errors import BadInput
from inference.flow import as_done
from inference.messages import Conversation
from inference.words import read
from rubrics.agreement import Labelled, among_people
from rubrics.agreement import agreement as agreement_of
from rubrics.panel import disagreement
from rubrics.passport import Passport, met, passport_for
from rubrics.scoring import outcome
from rubrics.types import Rubric, Score, Verdict

FIELDS = tuple(Labelled.model_fields)


def run(
    rubric: str, conversation: str, answer: str, settings: Settings, choice: Choice, as_json: bool
) -> None:
    """Judge one answer and print verdicts and score.

    Raises:
        ClinalignError: a file, a model or the data folder cannot be used.
    """
    for option, path in {"rubric": rubric, "conversation": conversation, "answer": answer}.items():
        if not path:
            raise BadInput(f"--{option}", "a file")
    criteria = Rubric.from_rows(_rows(read_json(rubric, "--rubric")), "rubric")
    asked = conversation_from(read_json(conversation, "--conversation"), "--conversation")
    said = read_text(answer, "--answer")
    if not said.strip():
        raise BadInput("--answer", "text that is not empty")
    data = asyncio.run(_judged(criteria, asked, said, settings, choice))
    if as_json:
        print(json.dumps(data, ensure_ascii=False))
    else:
        show_verdicts(criteria, data)


async def _judged(
    rubric: Rubric, asked: Conversation, answer: str, settings: Settings, choice: Choice
) -> dict[str, Any]:
    async with open_bench(settings, choice) as bench:
        verdicts = await bench.judge.verdicts(asked, answer, rubric)
        return {**scored(rubric, verdicts), **of_judge(bench)}


def scored(rubric: Rubric, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Verdicts and what they add up to, as data."""
    found = outcome(rubric, verdicts)
    graded = isinstance(found, Score)
    return {
        "status": "complete" if graded else "ungraded",
        "score": found.model_dump() if isinstance(found, Score) else None,
        "reason": "" if isinstance(found, Score) else found.reason,
        "criteria_met": [met(verdict) for verdict in verdicts],
        "verdicts": [verdict.model_dump() for verdict in verdicts],
        "disagreement": disagreement(verdicts),
    }


def of_judge(bench: Bench) -> dict[str, Any]:
    """Who judged, how far to trust it, and what it cost."""
    return {
        "judge": bench.judge.name,
        "judge_fingerprint": bench.judge.fingerprint,
        "judge_agreement": bench.judge.agreement,
        "remembered": bench.found,
        "spent": bench.ledger.as_data(),
    }


def calibrate(labels: str, settings: Settings, choice: Choice, as_json: bool) -> None:
    """Measure the judge, keep its passport and print it.

    Raises:
        ClinalignError: the labels, a model or the data folder cannot be used.
    """
    rows = read_labels(labels)
    passport, _ = asyncio.run(_measured(rows, Path(labels).name, settings, choice))
    path = keep_passport(settings.data_dir, passport)
    if as_json:
        print(passport.model_dump_json())
        return
    print(f"{passport.judge}: {passport}.")
    for family, rate in passport.families.items():
        print(f"  {family}: precision {_shown(rate.precision)}, recall {_shown(rate.recall)}")
    print(f"Kept in {path}.")


def agreement(labels: str, settings: Settings, choice: Choice, as_json: bool) -> None:
    """Print how far the judge agrees with the labels, and the labels among themselves.

    Raises:
        ClinalignError: the labels, a model or the data folder cannot be used.
    """
    rows = read_labels(labels)
    passport, verdicts = asyncio.run(_measured(rows, Path(labels).name, settings, choice))
    found = agreement_of([met(one) for one in verdicts], [row.labels for row in rows])
    people = among_people([row.labels for row in rows])
    data = {**found.model_dump(), "physicians": people.model_dump() if people else None}
    data |= {"judge": passport.judge, "judge_fingerprint": passport.fingerprint}
    if as_json:
        print(json.dumps(data, ensure_ascii=False))
    else:
        show_agreement(passport.judge, len(rows), found, people)


async def _measured(
    rows: Sequence[Labelled], data: str, settings: Settings, choice: Choice
) -> tuple[Passport, Sequence[Verdict]]:
    async with open_bench(settings, choice) as bench:

        async def judged(place: int) -> tuple[int, Verdict]:
            row = rows[place]
            rubric = Rubric(criteria=(row.as_criterion(),))
            (verdict,) = await bench.judge.verdicts(row.asked(), row.completion, rubric)
            return place, verdict

        verdicts: dict[int, Verdict] = {}
        async for done in as_done(range(len(rows)), judged, choice.in_flight):
            verdicts |= done
        ordered = [verdicts[place] for place in range(len(rows))]
        judge = bench.judge
        return passport_for(
            judge.name, judge.fingerprint, f"rows of {data}", rows, ordered
        ), ordered


def read_labels(path: str) -> list[Labelled]:
    """The labelled rows of a file; fields that are not ours are passed over.

    Raises:
        BadInput: a row cannot be used; it names the line.
    """
    rows = [
        read(Labelled, {name: row[name] for name in FIELDS if name in row}, f"line {number}")
        for number, row in read_lines(path, "--labels")
    ]
    for place, row in enumerate(rows, start=1):
        read(Conversation, {"messages": [one.model_dump() for one in row.prompt]}, f"row {place}")
    if not rows:
        raise BadInput(f"--labels {path}", "at least one row")
    return rows


def conversation_from(given: Any, where: str) -> Conversation:
    """The messages of a list, or of a row that holds one.

    Raises:
        BadInput: there are none that can be used.
    """
    if isinstance(given, dict):
        given = given.get("prompt", given.get("messages"))
    return read(Conversation, {"messages": given}, where)


def _rows(given: Any) -> Any:
    return given.get("rubrics", given) if isinstance(given, dict) else given


def _shown(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.2f}"
