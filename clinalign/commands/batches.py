"""Batches that are taken up again: which rows of a file are done, and which are left.

A row's place, and a hash of it and of who works on it, say what is done.
"""

import hashlib
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clinalign.commands.files import text_lines
from inference.errors import BadInput
from inference.journal import Journal


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
    for row in journal.rows():
        line, key = row.get("line"), row.get("key")
        if not (isinstance(line, int) and line > 0 and re.fullmatch("[0-9a-f]{16}", str(key))):
            raise BadInput(f"--out {out}", "a file of this command")
        keys.extend([0] * (line + 1 - len(keys)))
        keys[line] = int(str(key), 16)
    return keys


def left_rows(
    path: str, done: "array[int]", by: str, passed: Callable[[], None], option: str
) -> Iterator[Row]:
    """The rows that are not done.

    Args:
        path: the file of rows.
        done: see `done_lines`.
        by: who works on them, in all that their results depend on.
        passed: is told of each row that is done.
        option: names the file in errors.

    Raises:
        BadInput: a line was done with another row or by somebody else.
    """
    for line, text in text_lines(path, option):
        if line >= len(done) or not done[line]:
            yield Row(line, text)
        elif done[line] == row_key(text, by):
            passed()
        else:
            where = f"{option} {path} line {line}"
            expected = "the row and the model or judge that --out was made with; name another --out"
            raise BadInput(where, expected)


def row_key(text: str, by: str) -> int:
    """A hash of a row and of who works on it; never 0."""
    digest = hashlib.sha256(f"{by}\n{text.strip()}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8]) or 1
