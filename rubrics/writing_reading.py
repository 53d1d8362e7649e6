"""Reads what the writer's model replied. A row that cannot be used is dropped with its reason.

Only a reply without a single usable row is unreadable.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from inference.errors import BadInput
from inference.words import Word, read
from rubrics.errors import UnreadableReply
from rubrics.parsing import json_object, plain
from rubrics.types import Criterion
from rubrics.untrusted import visible
from rubrics.writing_shapes import (
    AXES,
    CONTEXT,
    LONGEST_ANSWER,
    LONGEST_DECISION,
    LONGEST_MISSING,
    MOST_WORDS,
    SHORTEST_ANSWER,
    cares,
)
from rubrics.writing_words import (
    ASKING,
    AT_RISK,
    LONGEST_CRITERION,
    MOST_MISSING,
    OTHER,
    AtRisk,
    Dropped,
    Hint,
    Proposed,
    WriterOptions,
)

UNDECIDED, AS_CRITERION, NO_PLACE = "undecided", "criterion", "others are worth more"
LEAST_REASON = 4  # characters
LEAST_WORDS = 20  # about one sentence
_LEFT_OUT = re.compile(r"^\W*(?:no|n/a|does not apply)\s*[:;,.\-–—]+\s*(\S.*)$", re.IGNORECASE)


class Rough(Word):
    """A model's rubric before it is mended."""

    proposed: tuple[Proposed, ...]
    dropped: tuple[Dropped, ...] = ()
    decisions: dict[str, str] | None = None
    """Care item -> what the model said of it; None where no care list was shown."""
    missing: tuple[str, ...] = ()
    asked_words: int = 0
    """The length that the conversation itself asks for; 0 for none."""
    waived: str = ""
    """Why no criterion looks at the asker's situation, if the model says so."""


class _Answers(Word):
    first: str = Field(min_length=SHORTEST_ANSWER)
    second: str = Field(min_length=SHORTEST_ANSWER)


def answers_in(text: str) -> tuple[str, str]:
    """The two answers of a reply, each cut to what the prompt has room for.

    Raises:
        UnreadableReply: there are not two, or they are the same.
    """
    try:
        said = read(_Answers, json_object(text), "reply")
    except BadInput as error:
        raise UnreadableReply(error.without_values()) from None
    if plain(said.first) == plain(said.second):
        raise UnreadableReply("the two answers are one")
    return said.first[:LONGEST_ANSWER], said.second[:LONGEST_ANSWER]


def rough_in(
    text: str, hints: Sequence[Hint], items: Collection[str], options: WriterOptions
) -> Rough:
    """The rubric of a reply.

    Raises:
        UnreadableReply: no criterion of it can be used.
    """
    said = json_object(text)
    rows = said.get("criteria")
    if not isinstance(rows, list):
        raise UnreadableReply("the reply holds no list of criteria")
    missing = _missing(said.get("missing")) if options.asking else ()
    proposed, dropped, why = [], [], "rubric: expected at least one criterion"
    for place, row in enumerate(rows):
        try:
            one = _proposed(row, place, hints, cares(items, options))
        except BadInput as error:
            why = error.without_values()
            dropped.append(Dropped(criterion=_told(row), reason=why))
            continue
        if options.asking and not missing and one.care == ASKING and one.criterion.points > 0:
            dropped.append(_without_need(one))
        else:
            proposed.append(one)
    if not proposed:
        raise UnreadableReply(why)
    return Rough(
        proposed=tuple(proposed),
        dropped=tuple(dropped),
        decisions=decisions_in(said, items) if options.sweep else None,
        missing=missing,
        asked_words=_words(said.get("asked_words")) if options.length else 0,
    )


def decisions_in(said: Mapping[str, Any], items: Iterable[str]) -> dict[str, str]:
    """What the model said of each item; an item that it passed over is absent."""
    sweep = said.get("sweep")
    found = sweep if isinstance(sweep, dict) else {}
    return {
        item: _one_line(found[item])[:LONGEST_DECISION]
        for item in items
        if isinstance(found.get(item), str)
    }


def decided(
    decisions: Mapping[str, str],
    items: Iterable[str],
    kept: Iterable[Proposed],
    crowded_out: Iterable[Proposed] = (),
) -> dict[str, str]:
    """Of each item `criterion`, the reason why it has none, or `undecided`."""
    known = {
        **{item: reason_against(decisions.get(item, "")) or UNDECIDED for item in items},
        **{one.care: NO_PLACE for one in crowded_out},
        **{one.care: AS_CRITERION for one in kept},
    }
    return {item: known[item] for item in items}


def criterion_of(row: Mapping[str, Any], place: int, **changes: Any) -> Criterion:
    """The row as a criterion.

    Raises:
        BadInput: it cannot be one.
    """
    where = f"rubric[{place}]"
    text = row.get("criterion")
    said = _one_line(text) if isinstance(text, str) else text
    if isinstance(said, str) and len(said) > LONGEST_CRITERION:
        raise BadInput(f"{where}.criterion", f"at most {LONGEST_CRITERION} characters")
    fields = {
        "id": f"c{place + 1}",
        "criterion": said,
        "points": row.get("points"),
        "critical": row.get("critical") is True,
    }
    return read(Criterion, {**fields, **changes}, where)


def _proposed(
    row: object, place: int, hints: Sequence[Hint], known_cares: Collection[str]
) -> Proposed:
    if not isinstance(row, dict):
        raise BadInput(f"rubric[{place}]", "an object")
    number = row.get("principle")
    named = hints[number - 1 : number] if isinstance(number, int) and number > 0 else []
    care = row.get("care") if row.get("care") in known_cares else OTHER
    tags = [f"axis:{_axis(row)}", *([f"care:{care}"] if care != OTHER else [])]
    ids = [hint.principle_id for hint in named]
    criterion = criterion_of(row, place, tags=tags, principle_ids=ids)
    return Proposed(criterion=criterion, care=str(care), at_risk=_at_risk(row.get("at_risk")))


def _axis(row: Mapping[str, Any]) -> str:
    # To ask is to look at the asker's situation, whatever a model calls it.
    if str(row.get("criterion")).lstrip().startswith("Asks "):
        return CONTEXT
    return str(row["axis"]) if row.get("axis") in AXES else AXES[1]


def _at_risk(said: object) -> AtRisk:
    return next((one for one in AT_RISK if one == said), "maybe")


def _missing(said: object) -> tuple[str, ...]:
    listed = said if isinstance(said, list) else []
    texts = [_one_line(one)[:LONGEST_MISSING] for one in listed if isinstance(one, str)]
    return tuple(dict.fromkeys(filter(None, texts)))[:MOST_MISSING]


def _words(said: object) -> int:
    return max(LEAST_WORDS, min(said, MOST_WORDS)) if type(said) is int and said > 0 else 0


def reason_against(said: str) -> str:
    """Why there is no criterion, in a decision that says so; else empty."""
    found = _LEFT_OUT.match(said)
    return found[1] if found and len(plain(found[1])) >= LEAST_REASON else ""


def _without_need(one: Proposed) -> Dropped:
    reason = "it asks for something, and nothing is missing"
    return Dropped(criterion=one.criterion.criterion, reason=reason)


def _told(row: object) -> str:
    text = row.get("criterion") if isinstance(row, dict) else row
    return _one_line(text)[:LONGEST_CRITERION] if isinstance(text, str) else ""


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())
