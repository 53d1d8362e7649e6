"""Lays principles of a hospital or a country over the library: changed fields, and whole new ones.

An overlay is a folder of YAML files like the library's. A record with the id of a principle changes
the fields it names and leaves the others; one with a new id is a principle of its own. Later
overlays win over earlier ones, and every change is reported.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.errors import BadInput
from inference.words import Word
from principle_store.loading import checked_library, read_principle, records
from principle_store.types import Library
from rubrics.taxonomy import Taxonomy


class Change(Word):
    """What one record of an overlay did."""

    overlay: str
    principle_id: str
    fields: tuple[str, ...]
    """The fields it replaced; empty for a new principle."""
    overrules: str = ""
    """An earlier overlay that had set one of these fields."""


class Overlaid(Word):
    library: Library
    changes: tuple[Change, ...]


def overlaid(library: Library, folders: Sequence[Path], taxonomy: Taxonomy) -> Overlaid:
    """The library with every overlay on it, in the order given.

    Raises:
        BadInput: a folder does not exist or holds no principles, or a record cannot be used.
    """
    rows = {one.id: one.model_dump(mode="json") for one in library.principles}
    set_by: dict[tuple[str, str], str] = {}
    changes = []
    for folder in folders:
        for where, record in _records(folder):
            changes.append(_lay(rows, record, folder.name, set_by))
            read_principle(rows[record["id"]], where)
    principles = [read_principle(row, f"principle {id}") for id, row in rows.items()]
    laid = checked_library(principles, taxonomy)
    return Overlaid(library=laid, changes=tuple(changes))


def _records(folder: Path) -> Sequence[tuple[str, dict[str, Any]]]:
    if not folder.is_dir():
        raise BadInput(f"overlay {folder}", "a folder of YAML files")
    found = list(records(folder))
    if not found:
        raise BadInput(f"overlay {folder}", "at least one principle in its YAML files")
    for where, record in found:
        if not isinstance(record, dict) or "id" not in record:
            raise BadInput(where, "a record with an id")
    return found


def _lay(
    rows: dict[str, dict[str, Any]],
    record: dict[str, Any],
    overlay: str,
    set_by: dict[tuple[str, str], str],
) -> Change:
    id = record["id"]
    is_new = id not in rows
    fields = tuple(field for field in record if field != "id")
    earlier = {by for field in fields if (by := set_by.get((id, field)))}
    set_by |= {(id, field): overlay for field in fields}
    rows[id] = {**rows.get(id, {}), **record}
    return Change(
        overlay=overlay,
        principle_id=id,
        fields=() if is_new else fields,
        overrules=", ".join(sorted(earlier - {overlay})),
    )
