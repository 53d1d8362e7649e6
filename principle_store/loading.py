"""Reads the library and the taxonomy from their files and refuses what is wrong with them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from inference.errors import BadInput
from inference.words import read
from principle_store.types import Library, Principle
from rubrics.taxonomy import Dimension, Taxonomy
from rubrics.yaml_text import parsed

VERSION = "0.1.0"
PACKAGE = files("principle_store")
LIBRARY_VECTORS = PACKAGE / "library_vectors.npz"
"""The texts' vectors by the bundled embedder, made by `tools/embed_library.py`."""


def load_taxonomy() -> Taxonomy:
    path = PACKAGE / "taxonomy.yaml"
    return Taxonomy(dimensions=read(tuple[Dimension, ...], _yaml(path), path.name))


def load_library(taxonomy: Taxonomy, folder: Traversable = PACKAGE / "library") -> Library:
    """Every principle of the folder's YAML files, in order of id.

    Raises:
        BadInput: a file or a principle cannot be used; it names the file and the principle.
    """
    read_all = [read_principle(record, where) for where, record in records(folder)]
    return checked_library(read_all, taxonomy)


def records(folder: Traversable) -> Iterator[tuple[str, Any]]:
    """Each record of the folder's YAML files, with the words for where it stands."""
    paths = (path for path in folder.iterdir() if path.name.endswith((".yaml", ".yml")))
    for path in sorted(paths, key=str):
        rows = _yaml(path)
        if not isinstance(rows, list):
            raise BadInput(path.name, "a list of principles")
        for position, row in enumerate(rows):
            name = row.get("id", position) if isinstance(row, dict) else position
            yield f"{path.name}: principle {name}", row


def read_principle(record: Any, where: str) -> Principle:
    return read(Principle, record, where)


def checked_library(principles: Sequence[Principle], taxonomy: Taxonomy) -> Library:
    """The library of these principles, in order of id.

    Raises:
        BadInput: an id stands twice, or a scenario is not of the taxonomy.
    """
    ids = [principle.id for principle in principles]
    if doubled := sorted({one for one in ids if ids.count(one) > 1}):
        raise BadInput("principle ids", "each id once", ", ".join(doubled))
    for principle in principles:
        check_scenario(principle, taxonomy)
    ordered = tuple(sorted(principles, key=lambda one: one.id))
    return Library(version=VERSION, hash=_hash(ordered), principles=ordered)


def _yaml(path: Traversable) -> Any:
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(path.name, f"YAML in UTF-8 ({' '.join(str(error).split())})") from None


def check_scenario(principle: Principle, taxonomy: Taxonomy) -> None:
    """Refuse a scenario that is not of the taxonomy.

    Raises:
        BadInput: a dimension or a value does not exist.
    """
    where = f"principle {principle.id}: scenario"
    if not set(principle.scenario) <= set(taxonomy.names()):
        raise BadInput(
            where, f"the dimensions {', '.join(taxonomy.names())}", list(principle.scenario)
        )
    for name, scope in principle.scenario.items():
        for value in () if scope == "any" else scope:
            if value not in taxonomy[name].values:
                expected = f"one of {', '.join(taxonomy[name].values)}"
                raise BadInput(f"{where}.{name}", expected, value)


def _hash(principles: Iterable[Principle]) -> str:
    digest = hashlib.sha256()
    for principle in principles:
        digest.update(principle.model_dump_json().encode("utf-8"))
    return digest.hexdigest()
