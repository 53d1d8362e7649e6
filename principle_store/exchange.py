"""A library as one file, and back.

Format `clinalign` holds principles whole. Format `principles_v1` is the plain list that other
projects publish: a text, a scenario, perhaps a reason. The authors' own file is not public, so the
reader takes a list or a mapping of records with obvious names. What such a record does not say is
not made up: the principle it becomes is a draft that `principles check` finds incomplete.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import yaml

from inference.errors import BadInput, ClinalignError
from inference.words import read
from principle_store.distilling.file import MARK as PROPOSED
from principle_store.loading import check_scenario, read_principle
from principle_store.types import Library, Principle, Source
from rubrics.taxonomy import Taxonomy
from rubrics.yaml_text import parsed

Format = Literal["clinalign", "principles_v1"]
MARK = "clinalign principles"

STATEMENT = ("statement", "principle", "text", "content", "description")
RATIONALE = ("rationale", "reason", "explanation", "why")
ID = ("id", "principle_id", "key", "name")
SCENARIO = ("scenario", "labels", "dimensions", "categories")
CRITERIA = ("criteria", "rubric", "rubrics", "rubric_items")
SOURCES = ("sources", "source", "references")
EVERYWHERE = ("", "any", "all", "*", "none specified", "unspecified")
SYNONYMS = {
    "no_uncertainty": "none",
    "only_irreducible_uncertainty": "irreducible",
    "any_reducible_uncertainty": "reducible",
    "not_health_professional": "layperson",
    "lay": "layperson",
    "patient": "layperson",
    "professional": "health_professional",
    "clinician": "health_professional",
}
POINTS = 5  # of the one criterion made for a record that brings none


class Unreadable(ClinalignError):
    """Records of a file that cannot be used; nothing of the file was taken."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(problems)} records cannot be used; nothing was imported")


def exported(library: Library, form: Format) -> str:
    """The library as one JSON file."""
    if form == "principles_v1":
        rows: Any = [_plain(one) for one in library.principles]
    else:
        rows = {
            "format": MARK,
            "version": library.version,
            "hash": library.hash,
            "principles": [one.model_dump(mode="json") for one in library.principles],
        }
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def imported(
    text: str, where: str, taxonomy: Taxonomy, source: Source | None = None
) -> tuple[Principle, ...]:
    """The principles of a file in either format; JSON, JSON lines or YAML.

    Args:
        text: the file's content; what `principles distil` wrote is read as a plain list.
        where: the words for the file.
        taxonomy: the dimensions and values that scenarios may have.
        source: stands for the sources of records that bring none.

    Raises:
        BadInput: the file as a whole cannot be read.
        Unreadable: some records cannot be used; it names each.
    """
    data = _data(text, where)
    if isinstance(data, dict) and data.get("format") == MARK:
        rows: Iterator[tuple[str, Any]] = _named(data.get("principles"), where)
        return _each(rows, lambda row, place: read_principle(row, place), taxonomy)
    if isinstance(data, dict) and data.get("format") == PROPOSED:
        data = data.get("principles")
    return _each(
        _named(data, where), lambda row, place: _draft(row, place, taxonomy, source), taxonomy
    )


def _each(
    rows: Iterator[tuple[str, Any]], make: Callable[[Any, str], Principle], taxonomy: Taxonomy
) -> tuple[Principle, ...]:
    made: dict[str, Principle] = {}
    problems = []
    for place, row in rows:
        try:
            principle = make(row, place)
            check_scenario(principle, taxonomy)
            if principle.id in made:
                raise BadInput(f"{place}: id", "each id once", principle.id)
            made[principle.id] = principle
        except BadInput as error:
            told = str(error)
            problems.append(told if told.startswith(place) else f"{place}: {told}")
    if problems:
        raise Unreadable(problems)
    return tuple(made.values())


def _data(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        pass
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        if lines and all(line.lstrip().startswith("{") for line in lines):
            return [json.loads(line) for line in lines]
        return parsed(text)
    except (json.JSONDecodeError, yaml.YAMLError, RecursionError):
        raise BadInput(where, "JSON, JSON lines or YAML") from None


def _named(data: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Each record with the words for where it stands; a mapping's keys are ids."""
    if isinstance(data, Mapping) and len(data) == 1 and isinstance(next(iter(data.values())), list):
        (data,) = data.values()
    if isinstance(data, Mapping) and _text(data, STATEMENT):
        data = [data]  # one record alone
    if isinstance(data, Mapping):
        data = [
            {"id": key, **row} if isinstance(row, Mapping) else {"id": key, "statement": row}
            for key, row in data.items()
        ]
    if not isinstance(data, list) or not data:
        raise BadInput(where, "a list or a mapping of principles")
    for number, row in enumerate(data, start=1):
        yield f"{where}: record {number}", row


def _draft(row: Any, place: str, taxonomy: Taxonomy, source: Source | None) -> Principle:
    """A plain record as a principle; what it does not say stays empty."""
    if isinstance(row, str):
        row = {"statement": row}
    if not isinstance(row, Mapping):
        raise BadInput(place, "an object or a text")
    statement = _text(row, STATEMENT)
    if not statement:
        raise BadInput(place, f"a text named {' or '.join(STATEMENT)}")
    sources = _first(row, SOURCES) or ([source.model_dump()] if source else None)
    if not isinstance(sources, list):
        raise BadInput(f"{place}: sources", "a list of them; or say where all come from: --source")
    criteria = _first(row, CRITERIA) or [f"Follows this principle: {statement}"]
    if not isinstance(criteria, list):
        raise BadInput(f"{place}: criteria", "a list of them")
    made = {
        "id": _slug(_text(row, ID) or statement),
        "statement": statement,
        "rationale": _text(row, RATIONALE),
        "reach": "general",
        "scenario": {name: _scope(row, name, place) for name in taxonomy.names()},
        "criteria": [_criterion(one) for one in criteria],
        "guidance": [{"do": statement}],
        "sources": sources,
        "source_check": f"unchecked: imported from {place}",
        "evidence": "good_practice",
        "status": "drafted",
        "version": 1,
    }
    return read(Principle, made, place)


def _scope(row: Mapping[str, Any], name: str, place: str) -> str | list[str]:
    inner = _first(row, SCENARIO)
    said = row.get(name, inner.get(name) if isinstance(inner, Mapping) else None)
    values = said if isinstance(said, list) else [said or ""]
    if not all(isinstance(value, str) for value in values):
        raise BadInput(f"{place}: {name}", "a text or a list of texts")
    plain = [re.sub(r"[\s-]+", "_", value.strip().casefold()) for value in values]
    if any(value.replace("_", " ") in EVERYWHERE for value in plain):
        return "any"
    return [SYNONYMS.get(value, value) for value in plain]


def _criterion(said: Any) -> Any:
    """A criterion in our shape; a bare text counts for the answer."""
    if isinstance(said, str):
        return {"criterion": said, "points": POINTS, "tags": ["axis:completeness"]}
    if not isinstance(said, Mapping):
        return said
    return {"tags": ["axis:completeness"], **said}


def _plain(principle: Principle) -> dict[str, Any]:
    return {
        "id": principle.id,
        "principle": principle.statement,
        "rationale": principle.rationale,
        **principle.model_dump(mode="json")["scenario"],
        "criteria": [one.model_dump(mode="json") for one in principle.criteria],
        "sources": [one.model_dump(mode="json") for one in principle.sources],
    }


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _text(row: Mapping[str, Any], names: Sequence[str]) -> str:
    found = _first(row, names)
    return str(found).strip() if isinstance(found, str | int) else ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:40].strip("-") or "unnamed"
