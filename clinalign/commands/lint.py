"""`clinalign rubrics lint`: what is wrong with the criteria of a file."""

import json
from collections.abc import Iterator
from typing import Any

from clinalign.commands.files import read_json, read_text
from inference.errors import BadInput, ClinalignError
from inference.lines import read_row, text_lines
from inference.words import Word
from rubrics.rubric_lint import rubric_findings
from rubrics.types import Rubric

ANSWERS = ("completion", "answer", "ideal_completion")


class RubricProblems(ClinalignError):
    """A file of rubrics has something wrong with it."""


class Told(Word):
    """A finding and where it is."""

    line: int
    criterion: str
    kind: str
    reason: str
    suggestion: str


def run(path: str, as_json: bool) -> None:
    """Print each finding with line, reason and suggestion.

    Raises:
        BadInput: the file cannot be read, or holds no rubric.
        RubricProblems: there are findings; they have been printed.
    """
    found = [told for line, row in _rubrics(path) for told in _findings(path, line, row)]
    if as_json:
        print(json.dumps([one.model_dump() for one in found], ensure_ascii=False))
    for one in () if as_json else found:
        print(f"{path}:{one.line}: {one.kind}: {one.criterion}")
        print(f"    {one.reason}; {one.suggestion}")
    if found:
        raise RubricProblems(f"{path}: {len(found)} findings")
    if not as_json:
        print(f"{path}: nothing found.")


def _findings(path: str, lines: list[int], row: dict[str, Any]) -> Iterator[Told]:
    criteria = Rubric.from_rows(row["rubrics"], f"{path} line {lines[0]}: rubrics").criteria
    for place, finding in rubric_findings(criteria, _answers(row)):
        line = lines[min(place, len(lines) - 1)]
        yield Told(line=line, criterion=criteria[place].criterion, **finding.model_dump())


def _rubrics(path: str) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Each rubric of the file with the lines of its criteria, or the one line it stands on."""
    text = read_text(path, "rubrics")
    if text.lstrip().startswith("["):
        rows = read_json(path, "rubrics")
        yield _lines_of(text, len(rows)), {"rubrics": rows}
        return
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict):
        yield [1], _checked(whole, f"rubrics {path}")
        return
    for number, line in text_lines(path, "rubrics"):
        where = f"rubrics {path} line {number}"
        yield [number], _checked(read_row(line, where), where)


def _checked(row: dict[str, Any], where: str) -> dict[str, Any]:
    if "rubrics" not in row:
        raise BadInput(where, "an object with `rubrics`")
    return row


def _lines_of(text: str, rows: int) -> list[int]:
    """The line on which each element of a JSON list begins."""
    decoder, place, lines = json.JSONDecoder(), text.index("[") + 1, []
    for _ in range(rows):
        while text[place] in " \t\r\n,":
            place += 1
        lines.append(text.count("\n", 0, place) + 1)
        _, place = decoder.raw_decode(text, place)
    return lines or [1]


def _answers(row: dict[str, Any]) -> list[str]:
    """The answers that a row brings along, HealthBench's ideal ones among them."""
    ideal = row.get("ideal_completions_data") or {}
    beside = [*ideal.get("ideal_completions_ref_completions", ()), ideal.get("ideal_completion")]
    found = [*(row.get(name) for name in ANSWERS), *row.get("answers", ()), *beside]
    return [one for one in found if isinstance(one, str)]
