"""The proposals as a YAML file, and back: in the shape of library files as far as they say it.

A record holds what a principle of the library holds, save the sources that nobody has named yet,
and under `distilled` what it rests on: every criterion with its line, question and reviewer.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import Field

from inference.errors import BadInput
from inference.words import Word, read
from principle_store.distilling.words import (
    CELL,
    Cluster,
    Distilled,
    Evaluation,
    Gathered,
    Merge,
    Nearest,
    Proposal,
)
from principle_store.types import LibraryStamp, Slug
from rubrics.taxonomy import Taxonomy
from rubrics.types import Text
from rubrics.yaml_text import parsed

MARK = "clinalign proposed principles"
NOT_EVALUATED = "not evaluated"
TAG = "axis:completeness"


class Made(Word):
    """Where a file of proposals comes from."""

    rubrics: str
    rows: int
    criteria: int
    writer: str
    judge: str
    embedder: str
    library: LibraryStamp


class Link(Word):
    """A criterion, where it stands."""

    line: int
    prompt_id: str = ""
    criterion_id: str
    points: int | float
    reviewer: str = ""
    criterion: str


class Basis(Word):
    """What a proposal rests on."""

    support: int
    rows: int
    reviewers: tuple[str, ...] = ()
    gain: float
    nearest: Nearest
    evaluation: Evaluation | str
    written_by: str
    note: str = ""
    links: tuple[Link, ...] = Field(alias="from")
    merge_log: tuple[Merge, ...] = ()


class Proposed(Word):
    """What a report needs of a record; the rest of it stays as it is."""

    id: Slug
    statement: Text
    scenario: dict[str, Any]
    distilled: Basis


class Uncovered(Word):
    """A cluster that was not chosen."""

    name: str
    most_typical: str
    links: tuple[Link, ...] = Field(alias="from")
    merge_log: tuple[Merge, ...] = ()


class CellCount(Word):
    """How many criteria of a scenario there are, and how many stand in a proposal."""

    urgency: str = ""
    task_type: str = ""
    expertise: str = ""
    criteria: int
    covered: int


class ProposedFile(Word):
    made: Made
    principles: tuple[Proposed, ...]
    uncovered: tuple[Uncovered, ...]
    single: tuple[Link, ...]
    cells: tuple[CellCount, ...]


def as_yaml(found: Distilled, made: Made, taxonomy: Taxonomy) -> str:
    """The file's text."""
    data = {
        "format": MARK,
        "made": made.model_dump(mode="json"),
        "principles": [_record(one, found.gathered, made, taxonomy) for one in found.proposals],
        "uncovered": [_uncovered(one, found.gathered) for one in found.left],
        "single": _links(found.single, found.gathered),
        "cells": [one.model_dump(mode="json") for one in cells_of(found)],
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times as fast, where it is there
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, width=100)
    return text


def proposed_in(text: str, where: str) -> ProposedFile:
    """The proposals of a file.

    Raises:
        BadInput: it is none that `clinalign principles distil` writes.
    """
    try:
        data = parsed(text)
    except yaml.YAMLError as error:
        raise BadInput(where, f"YAML ({' '.join(str(error).split())})") from None
    if not isinstance(data, dict) or data.get("format") != MARK:
        raise BadInput(where, "a file that `clinalign principles distil` wrote")
    records = data.get("principles")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise BadInput(f"{where}: principles", "a list of records")
    kept = [{name: one[name] for name in Proposed.model_fields if name in one} for one in records]
    shown = {name: data[name] for name in ProposedFile.model_fields if name in data}
    return read(ProposedFile, {**shown, "principles": kept}, where)


def cells_of(found: Distilled) -> list[CellCount]:
    """For each scenario that occurs its criteria, and those in a proposal."""
    covered = {place for one in found.proposals for place in one.cluster.members}
    every = Counter(one.cell for one in found.gathered)
    within = Counter(found.gathered[place].cell for place in covered)
    return [
        CellCount(**dict(zip(CELL, cell, strict=True)), criteria=count, covered=within.get(cell, 0))
        for cell, count in sorted(every.items())
    ]


def _record(
    one: Proposal, gathered: Sequence[Gathered], made: Made, taxonomy: Taxonomy
) -> dict[str, Any]:
    draft = one.draft
    scopes = draft.scenario
    return {
        "id": one.id,
        "statement": draft.statement,
        "rationale": draft.rationale,
        "reach": "topical",
        "scenario": {name: list(scopes.get(name, ())) or "any" for name in taxonomy.names()},
        "criteria": [
            {"criterion": row.criterion, "points": row.points, "tags": [TAG]}
            for row in draft.criteria
        ],
        "guidance": [{"do": said} for said in draft.guidance or (draft.statement,)],
        "source_check": f"unchecked: distilled from {made.rubrics}; no source is named yet",
        "evidence": "good_practice",
        "status": "drafted",
        "version": 1,
        "distilled": _basis(one, gathered),
    }


def _basis(one: Proposal, gathered: Sequence[Gathered]) -> dict[str, Any]:
    members = [gathered[place] for place in one.cluster.members]
    return {
        "support": len(members),
        "rows": len({member.line for member in members}),
        "reviewers": sorted({member.reviewer for member in members if member.reviewer}),
        "gain": one.gain,
        "nearest": one.nearest.model_dump(mode="json"),
        "evaluation": one.evaluation.model_dump(mode="json") if one.evaluation else NOT_EVALUATED,
        "written_by": one.draft.by,
        "note": one.draft.note,
        "from": _links(one.cluster.members, gathered),
        "merge_log": _merges(one.cluster),
    }


def _uncovered(one: Cluster, gathered: Sequence[Gathered]) -> dict[str, Any]:
    return {
        "name": one.name,
        "most_typical": gathered[one.members[0]].text,
        "from": _links(one.members, gathered),
        "merge_log": _merges(one),
    }


def _merges(one: Cluster) -> list[dict[str, Any]]:
    return [merge.model_dump(mode="json", exclude_none=True) for merge in one.merges]


def _links(places: Sequence[int], gathered: Sequence[Gathered]) -> list[dict[str, Any]]:
    found = []
    for place in sorted(places):
        one = gathered[place]
        link: dict[str, Any] = {"line": one.line}
        link |= {"prompt_id": one.prompt_id} if one.prompt_id else {}
        link |= {"criterion_id": one.criterion_id, "points": one.points}
        link |= {"reviewer": one.reviewer} if one.reviewer else {}
        found.append({**link, "criterion": one.text})
    return found
