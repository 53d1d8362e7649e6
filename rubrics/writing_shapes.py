"""The shapes of the writer's replies: as JSON schemas for servers, in words for prompts.

Flat and strict, so that small models fill them: no object is nested deeper than a criterion.
"""

from collections.abc import Iterable
from typing import Any

from inference.json_schemas import object_of
from rubrics.writing_words import (
    ASKING,
    AT_RISK,
    HARM,
    INVENTING,
    LONGEST_CRITERION,
    MOST_MISSING,
    OTHER,
    WriterOptions,
)

CONTEXT = "context_awareness"
AXES = (
    "accuracy",
    "completeness",
    "communication_quality",
    CONTEXT,
    "instruction_following",
)
SHORTEST_ANSWER, LONGEST_ANSWER = 20, 1200  # characters
LONGEST_DECISION, LONGEST_MISSING = 160, 80  # characters
MOST_WORDS = 5000


def answers_schema() -> dict[str, Any]:
    answer = _text(SHORTEST_ANSWER, LONGEST_ANSWER)
    return object_of({"first": answer, "second": answer})


def rubric_schema(items: Iterable[str], options: WriterOptions) -> dict[str, Any]:
    items = list(items)
    fields: dict[str, Any] = {"sweep": _decisions(items)} if options.sweep else {}
    if options.asking:
        missing = _text(3, LONGEST_MISSING)
        fields["missing"] = {"type": "array", "maxItems": MOST_MISSING, "items": missing}
    if options.length:
        fields["asked_words"] = {"type": "integer", "minimum": 0, "maximum": MOST_WORDS}
    row = object_of(_row(cares(items, options), options))
    fields["criteria"] = {"type": "array", "minItems": 3, "maxItems": options.places, "items": row}
    return object_of(fields)


def repair_schema(gaps: Iterable[str], most: int) -> dict[str, Any]:
    gaps = list(gaps)
    row = {
        "replaces": {"type": "integer", "minimum": 0, "maximum": most},
        "care": {"type": "string", "enum": [*gaps, OTHER]},
        "criterion": _text(10, LONGEST_CRITERION),
        "points": _points(),
        "critical": {"type": "boolean"},
    }
    rows = {"type": "array", "maxItems": 2 * most, "items": object_of(row)}
    items = _decidable(gaps)
    decided = {"sweep": _decisions(items)} if items else {}
    return object_of({**decided, "criteria": rows})


def rubric_shape(options: WriterOptions) -> str:
    """The shape of a rubric in words; the same for every question."""
    parts = ['"sweep": {ITEM: "...", ...}'] if options.sweep else []
    parts += ['"missing": ["..."]'] if options.asking else []
    parts += ['"asked_words": 0'] if options.length else []
    row = ['"care": "..."'] if options.sweep or options.asking else []
    row += ['"criterion": "..."', '"points": 7', f'"axis": {_either(AXES)}']
    row += ['"critical": true or false', '"principle": 1']
    row += [f'"at_risk": {_either(AT_RISK)}'] if options.ranking else []
    return "{" + ", ".join([*parts, f'"criteria": [{{{", ".join(row)}}}]']) + "}"


def repair_shape(gaps: Iterable[str]) -> str:
    names = _decidable(gaps)
    decided = f'"sweep": {{{", ".join(_each(names))}}}, ' if names else ""
    row = '"replaces": 1, "care": "...", "criterion": "...", "points": 7, "critical": true or false'
    return f'{{{decided}"criteria": [{{{row}}}]}}'


def cares(items: Iterable[str], options: WriterOptions) -> list[str]:
    """What a criterion may be for; nothing where nobody asks."""
    named = [*items] if options.sweep else []
    named += [ASKING, INVENTING] if options.asking else []
    return [*named, OTHER] if named else []


def _decidable(gaps: Iterable[str]) -> list[str]:
    """Those that may stay without a criterion; what is missing must be asked for."""
    return [name for name in gaps if name not in (ASKING, INVENTING, HARM)]


def _row(cares: list[str], options: WriterOptions) -> dict[str, Any]:
    care = {"care": {"type": "string", "enum": cares}} if cares else {}
    at_risk = {"at_risk": {"type": "string", "enum": list(AT_RISK)}} if options.ranking else {}
    return {
        **care,
        "criterion": _text(10, LONGEST_CRITERION),
        "points": _points(),
        "axis": {"type": "string", "enum": list(AXES)},
        "critical": {"type": "boolean"},
        "principle": {"type": "integer", "minimum": 0},
        **at_risk,
    }


def _decisions(items: Iterable[str]) -> dict[str, Any]:
    return object_of(dict.fromkeys(items, _text(2, LONGEST_DECISION)))


def _points() -> dict[str, Any]:
    return {"type": "integer", "enum": [points for points in range(-10, 11) if points]}


def _each(names: Iterable[str]) -> list[str]:
    return [f'"{name}": "..."' for name in names]


def _either(values: Iterable[str]) -> str:
    return " or ".join(f'"{value}"' for value in values)


def _text(shortest: int, longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest}
