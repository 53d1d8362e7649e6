"""Reads rows of JSONL, CSV, Parquet and Hugging Face datasets on disk, one at a time.

Each row comes as the JSON text of one object with its number, counted from 1, so that whoever works
on it need not know where it came from. A file of a million rows is never held whole.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.errors import BadInput
from inference.extras import needed
from inference.lines import read_row, readable, text_lines

BATCH = 1000
Line = tuple[int, str]
TURNS = ("prompt", "messages", "completion", "chosen", "rejected")
"""Columns of a CSV file that may hold a conversation in JSON."""


def rows_of(path: str, what: str) -> Iterator[Line]:
    """The rows of a file, or of a dataset's folder.

    Args:
        path: ends in .csv or .parquet, or is a folder; else one JSON object a line.
        what: names the file in errors.

    Raises:
        BadInput: it cannot be read.
        Lacking: a library for its form is not installed.
    """
    yield from _reader(path)(path, what)


def parsed_rows(path: str, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same rows as objects, each with the words for its place.

    Raises:
        BadInput: the file cannot be read, or a row is no JSON object.
        Lacking: a library for its form is not installed.
    """
    for number, text in rows_of(path, what):
        where = f"{what} {path} line {number}"
        yield where, read_row(text, where)


def count_of(path: str, what: str) -> int:
    """How many rows there are, at most: lines that turn out to be no rows count.

    Raises:
        BadInput: it cannot be read.
        Lacking: a library for its form is not installed.
    """
    if Path(path).suffix == ".parquet":
        with _parquet(path, what):
            from pyarrow import parquet

            return int(parquet.read_metadata(path).num_rows)
    if Path(path).is_dir():
        return len(_dataset(path, what))
    return sum(1 for _ in rows_of(path, what))


def _reader(path: str) -> Callable[[str, str], Iterator[Line]]:
    if Path(path).is_dir():
        return _of_dataset
    return {".csv": _of_csv, ".parquet": _of_parquet}.get(Path(path).suffix, text_lines)


def _of_csv(path: str, what: str) -> Iterator[Line]:
    with _csv(path, what), Path(path).open(encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(sys.maxsize)  # a long question is refused later, by its name
        for number, row in enumerate(csv.DictReader(file, restkey="more", restval=""), start=1):
            filled = {name: _cell(name, value) for name, value in row.items() if value}
            yield number, json.dumps(filled, ensure_ascii=False)


def _cell(name: str, value: Any) -> Any:
    """A conversation that was written as JSON; all else as it stands."""
    if name in TURNS and str(value).lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _of_parquet(path: str, what: str) -> Iterator[Line]:
    with _parquet(path, what):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(BATCH):
                for row in batch.to_pylist():
                    yield (number := number + 1), _written(row)


def _of_dataset(path: str, what: str) -> Iterator[Line]:
    dataset, number = _dataset(path, what), 0
    for start in range(0, len(dataset), BATCH):
        for row in dataset.select(range(start, min(start + BATCH, len(dataset)))):
            yield (number := number + 1), _written(row)


def _dataset(path: str, what: str) -> Any:
    with readable(path, what), needed("datasets"):
        import datasets

        found = datasets.load_from_disk(path)
    if isinstance(found, datasets.DatasetDict):
        named = ", ".join(f"{path}/{name}" for name in found)
        raise BadInput(f"{what} {path}", f"one split, such as {named}")
    return found


def _written(row: dict[str, Any]) -> str:
    return json.dumps(_filled(row), ensure_ascii=False, default=str)


def _filled(given: Any) -> Any:
    """Without empty fields: in a table every object has all of them."""
    if isinstance(given, dict):
        return {name: _filled(value) for name, value in given.items() if value is not None}
    return [_filled(one) for one in given] if isinstance(given, list) else given


@contextmanager
def _csv(path: str, what: str) -> Iterator[None]:
    try:
        with readable(path, what):
            yield
    except csv.Error as error:
        raise BadInput(f"{what} {path}", f"a CSV file ({error})") from None


@contextmanager
def _parquet(path: str, what: str) -> Iterator[None]:
    with readable(path, what), needed("pyarrow"):
        import pyarrow

        try:
            yield
        except pyarrow.ArrowInvalid:
            raise BadInput(f"{what} {path}", "a Parquet file") from None
