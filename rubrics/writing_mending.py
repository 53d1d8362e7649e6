"""Finds what is wrong with the criteria a model proposed, and puts mended ones in their place.

The linter's findings decide; what a repair leaves wrong is dropped, with the finding as reason.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from inference.errors import BadInput
from inference.words import Word
from rubrics.errors import UnreadableReply
from rubrics.lint import Finding, findings
from rubrics.parsing import json_object
from rubrics.rubric_lint import rubric_findings
from rubrics.types import Criterion
from rubrics.writing_reading import Rough, criterion_of, decisions_in, reason_against
from rubrics.writing_shapes import CONTEXT
from rubrics.writing_words import (
    ASKING,
    HARM,
    INVENTING,
    OTHER,
    SITUATION,
    Dropped,
    Proposed,
    WriterOptions,
)

COMPOUND = "compound"
NEW = -1  # the place of what replaces nothing
_JOINED = re.compile(
    r"\b(as well as|along with|together with|in addition to|both)\b", re.IGNORECASE
)


class Flaw(Word):
    """What is wrong with the criterion at a place, counted from 0."""

    place: int
    criterion: Criterion
    finding: Finding


def flaws_of(
    proposed: Sequence[Proposed], answers: Sequence[str], atomic: bool
) -> tuple[Flaw, ...]:
    """The first flaw of each criterion that has one."""
    criteria = [one.criterion for one in proposed]
    found = chain(rubric_findings(criteria, answers), _joined(criteria))
    first: dict[int, Finding] = {}
    for place, finding in found:
        if atomic or finding.kind != COMPOUND:
            first.setdefault(place, _for_sign(finding, criteria[place].points))
    return tuple(
        Flaw(place=place, criterion=criteria[place], finding=first[place])
        for place in sorted(first)
    )


def _for_sign(finding: Finding, points: float) -> Finding:
    """Of two things that harm together, each may be right by itself."""
    if points > 0 or finding.kind != COMPOUND:
        return finding
    told = "word it as one act, or keep the one thing that harms by itself"
    return finding.model_copy(update={"suggestion": told})


def mended(rough: Rough, text: str, flaws: Sequence[Flaw], gaps: Collection[str]) -> Rough:
    """The rubric with the rows of a repair in place of the flawed ones, new ones at the end.

    A row that replaces nothing flawed and fills no gap is passed over.

    Raises:
        UnreadableReply: the repair holds no list of criteria.
    """
    said = json_object(text)
    if not isinstance(said.get("criteria"), list):
        raise UnreadableReply("the repair holds no list of criteria")
    flawed = {flaw.place for flaw in flaws}
    instead: defaultdict[int, list[Proposed]] = defaultdict(list)
    for place, row in _replacing(said["criteria"]):
        if place in flawed:
            instead[place] += _heir(row, rough.proposed[place])
        elif place == NEW and str(row.get("care")) in gaps:
            instead[NEW] += _new(row)
    kept = [
        one
        for place, old in enumerate(rough.proposed)
        # Where a repair says nothing, the old one stays, to be dropped for its own flaw.
        for one in instead[place] or [old]
    ]
    answered = decisions_in(said, gaps)
    decisions = {**(rough.decisions or {}), **answered}
    return rough.model_copy(
        update={
            "proposed": (*kept, *instead[NEW]),
            "decisions": None if rough.decisions is None else decisions,
            "waived": reason_against(answered.get(SITUATION, "")),
        }
    )


def without(rough: Rough, flaws: Sequence[Flaw]) -> Rough:
    """The rubric without the flawed criteria."""
    flawed = {flaw.place for flaw in flaws}
    kept = [one for place, one in enumerate(rough.proposed) if place not in flawed]
    dropped = [
        Dropped(
            criterion=flaw.criterion.criterion,
            reason=f"{flaw.finding.kind}: {flaw.finding.reason}",
        )
        for flaw in flaws
    ]
    return rough.model_copy(update={"proposed": tuple(kept), "dropped": (*rough.dropped, *dropped)})


def asking_gaps(rough: Rough) -> dict[str, str]:
    """What the rubric of a question with something missing still lacks."""
    if not rough.missing:
        return {}
    told = ", ".join(rough.missing)
    wanted = {
        ASKING: (1, f"write a criterion for asking for what is missing: {told}"),
        INVENTING: (-1, f"write a criterion, with negative points, for making it up: {told}"),
    }
    return {
        care: text
        for care, (sign, text) in wanted.items()
        if not any(one.care == care and one.criterion.points * sign > 0 for one in rough.proposed)
    }


def lacking(rough: Rough, options: WriterOptions) -> dict[str, str]:
    """The kinds of criteria that are wanted and not there."""
    criteria = [one.criterion for one in rough.proposed]
    wanted = {
        HARM: (
            options.harms and all(one.points > 0 for one in criteria),
            "write a criterion, with negative points, for something harmful that a careless "
            "answer to this question would really say",
        ),
        SITUATION: (
            options.situation and not any(map(is_of_situation, criteria)),
            "if a fact that was given of this person matters, write a criterion that wants it "
            "used, naming it; else, and only where nothing calls for care today, one that asks for "
            "a fact that would change the advice; if a criterion that stands does so, none",
        ),
    }
    return {name: text for name, (is_lacking, text) in wanted.items() if is_lacking}


def is_of_situation(one: Criterion) -> bool:
    """Whether a good answer has to look at the asker's situation for it."""
    return one.points > 0 and f"axis:{CONTEXT}" in one.tags


def completed(rough: Rough) -> Rough:
    """The rubric with plain criteria of our own for what is still not asked for."""
    added = [
        one
        for care in asking_gaps(rough)
        if (one := next((_plain(care, what) for what in rough.missing if _is_plain(what)), None))
    ]
    return rough.model_copy(update={"proposed": (*rough.proposed, *added)})


def _plain(care: str, what: str) -> Proposed:
    text, points = (f"Asks for {what}", 7) if care == ASKING else (f"Makes up {what}", -7)
    tags = ("axis:context_awareness", f"care:{care}")
    criterion = Criterion(id=care, criterion=text, points=points, tags=tags)
    return Proposed(criterion=criterion, care=care, at_risk="likely")


def _is_plain(what: str) -> bool:
    return not any(findings(what)) and not _JOINED.search(what)


def _joined(criteria: Sequence[Criterion]) -> Iterator[tuple[int, Finding]]:
    for place, one in enumerate(criteria):
        # Of two things that harm together, one may be right by itself: such a criterion stays.
        if one.points > 0 and (found := _JOINED.search(one.criterion)):
            yield (
                place,
                Finding(
                    kind=COMPOUND,
                    reason=f"{found[0]!r} joins two things, of which an answer may do one",
                    suggestion="say it otherwise if it is one act, else write one for each",
                ),
            )


def _replacing(rows: Sequence[object]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row with the place that it replaces, or NEW."""
    for row in rows:
        if isinstance(row, dict) and type(row.get("replaces")) is int:
            yield row["replaces"] - 1, row


def _heir(row: Mapping[str, Any], old: Proposed) -> list[Proposed]:
    was = old.criterion
    try:
        criterion = criterion_of(row, 0, tags=list(was.tags), principle_ids=list(was.principle_ids))
    except BadInput:
        return []
    return [old.model_copy(update={"criterion": criterion})]


def _new(row: Mapping[str, Any]) -> list[Proposed]:
    care = str(row.get("care", OTHER))
    axis = CONTEXT if care == SITUATION else "completeness"
    try:
        criterion = criterion_of(row, 0, tags=[f"axis:{axis}", f"care:{care}"])
    except BadInput:
        return []
    # The writer forgot it itself; so will others.
    return [Proposed(criterion=criterion, care=care, at_risk="likely")]
