"""Batches that are taken up again: which rows of a file are done, and which are left.

A row's place, and a hash of it and of who works on it, say what is done.
"""

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.errors import BadInput
from inference.journal import Journal

_MARK = re.compile(rb'\{"line": ([1-9]\d*), "key": "([0-9a-f]{16})".*\}\n?\Z', re.DOTALL)


@dataclass(frozen=True)
class Row:
    line: int
    text: str


def done_lines(journal: Journal, total: int, out: Path) -> "array[int]":
    """For each line of the input the key of the row that was done there; 0 where none was.

    Raises:
        BadInput: the file is none of ours.
    """
    keys = array("Q", bytes(8 * (total + 1)))
    for text in journal.lines():
        # A rubric is long: to read whole rows takes longer than all else.
        found = _MARK.match(text)
        line, key = (int(found[1]), found[2].decode()) if found else _mark_in(text, out)
        keys.extend([0] * (line + 1 - len(keys)))
        keys[line] = int(key, 16)
    return keys


def _mark_in(text: bytes, out: Path) -> tuple[int, str]:
    try:
        row = json.loads(text)
        line, key = row["line"], str(row["key"])
    except (ValueError, KeyError, TypeError):
        line, key = 0, ""
    if not (isinstance(line, int) and line > 0 and re.fullmatch("[0-9a-f]{16}", key)):
        raise BadInput(f"--out {out}", "a file of this command")
    return line, key


def left_rows(
    rows: Iterable[tuple[int, str]],
    done: "array[int]",
    by: str,
    passed: Callable[[], None],
    where: str,
) -> Iterator[Row]:
    """The rows that are not done.

    Args:
        rows: all rows with their numbers.
        done: see `done_lines`.
        by: who works on them, in all that their results depend on.
        passed: is told of each row that is done.
        where: names the file in errors.

    Raises:
        BadInput: a line was done with another row or by somebody else.
    """
    for line, text in rows:
        if line >= len(done) or not done[line]:
            yield Row(line, text)
        elif done[line] == row_key(text, by):
            passed()
        else:
            expected = "the row and the model or judge that --out was made with; name another --out"
            raise BadInput(f"{where} line {line}", expected)


def row_key(text: str, by: str) -> int:
    """A hash of a row and of who works on it; never 0."""
    digest = hashlib.sha256(f"{by}\n{text.strip()}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8]) or 1
