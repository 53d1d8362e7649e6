"""Reads rubric rows: what `clinalign synthesize` writes, and whatever has HealthBench's shape.

A row has `prompt` and `rubrics`; `prompt_id`, `scenario`, `reviewer` and `answers` may be there.
A scenario that is not given is read from the question.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from inference.errors import BadInput
from inference.messages import Conversation
from inference.words import Word, read
from principle_store.distilling.words import Gathered, Shown
from rubrics.reading import ScenarioReader
from rubrics.scoring import JUDGED
from rubrics.taxonomy import Taxonomy
from rubrics.types import Criterion, Rubric, Text, VerdictValue


class _Answered(Word):
    answer: Text
    verdicts: dict[str, VerdictValue]


async def gathered(
    rows: Iterable[tuple[int, Mapping[str, Any]]], where: str, reader: ScenarioReader
) -> tuple[Gathered, ...]:
    """All criteria of all rows.

    Args:
        rows: each with the number of its line.
        where: the words for the file.
        reader: reads the scenario of rows that do not tell it.

    Raises:
        BadInput: a row cannot be used, which names its line, or there are none.
    """
    found: list[Gathered] = []
    for line, row in rows:
        found += await _of_row(row, line, f"{where} line {line}", reader)
    if not found:
        raise BadInput(where, "at least one row with `prompt` and `rubrics`")
    return tuple(found)


async def _of_row(
    row: Mapping[str, Any], line: int, where: str, reader: ScenarioReader
) -> list[Gathered]:
    asked = _asked(row, where)
    rubric = Rubric.from_rows(row.get("rubrics"), f"{where}: rubrics")
    answers = read(tuple[_Answered, ...], row.get("answers") or [], f"{where}: answers")
    _check_ids(answers, rubric, where)
    scenario = _given(row.get("scenario"), reader.taxonomy, f"{where}: scenario")
    if not scenario:
        scenario = _known((await reader.read(asked)).scenario.as_json())
    return [
        Gathered(
            text=one.criterion,
            points=one.points,
            line=line,
            prompt_id=_text(row, "prompt_id", where),
            criterion_id=one.id,
            reviewer=_text(row, "reviewer", where),
            scenario=scenario,
            principle_ids=one.principle_ids,
            shown=_shown(one, answers, asked),
        )
        for one in rubric.criteria
    ]


def _asked(row: Mapping[str, Any], where: str) -> Conversation:
    given = row.get("prompt")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return read(Conversation, {"messages": given}, f"{where}: prompt")


def _check_ids(answers: Iterable[_Answered], rubric: Rubric, where: str) -> None:
    known = {one.id for one in rubric.criteria}
    for place, answer in enumerate(answers):
        for id in answer.verdicts:
            if id not in known:
                raise BadInput(f"{where}: answers[{place}].verdicts", "ids of its rubric", id)


def _given(said: Any, taxonomy: Taxonomy, where: str) -> dict[str, str]:
    """The labels of a row: values, or objects with a `value`, as synthesis writes them."""
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise BadInput(where, "an object: dimension -> value")
    labels = _known(said)
    for name, value in labels.items():
        if not isinstance(value, str) or name not in taxonomy.names():
            raise BadInput(where, f"values of {', '.join(taxonomy.names())}", name)
        if value not in taxonomy[name].values:
            raise BadInput(f"{where}.{name}", f"one of {', '.join(taxonomy[name].values)}", value)
    return labels


def _known(labels: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: label.get("value") if isinstance(label, Mapping) else label
        for name, label in labels.items()
    }
    return {name: value for name, value in values.items() if value}


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    said = row.get(name)
    if said is None:
        return ""
    if not isinstance(said, str | int):
        raise BadInput(f"{where}: {name}", "a text")
    return str(said).strip()


def _shown(
    criterion: Criterion, answers: Iterable[_Answered], asked: Conversation
) -> tuple[Shown, ...]:
    return tuple(
        Shown(conversation=asked, answer=one.answer, met=one.verdicts[criterion.id] == "MET")
        for one in answers
        if one.verdicts.get(criterion.id) in JUDGED
    )
