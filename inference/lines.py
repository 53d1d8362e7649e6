"""Reads text files line by line, and JSON; says what is wrong with what cannot be read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.errors import BadInput


def text_lines(path: str, what: str) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, one at a time, with their numbers.

    Lines end on a line feed alone.

    Args:
        path: of the file.
        what: names it in errors.

    Raises:
        BadInput: the file cannot be read.
    """
    with readable(path, what), Path(path).open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


@contextmanager
def readable(path: str, what: str) -> Iterator[None]:
    """Turn what goes wrong with reading a file into one sentence.

    Raises:
        BadInput: something went wrong.
    """
    try:
        yield
    except OSError as error:
        told = error.strerror or "it is damaged, or of another kind"
        raise BadInput(f"{what} {path}", f"a file that can be read ({told})") from None
    except UnicodeDecodeError:
        raise BadInput(f"{what} {path}", "a file in UTF-8") from None


def read_row(line: str, where: str) -> dict[str, Any]:
    """The object that a line holds.

    Raises:
        BadInput: it holds none.
    """
    row = parsed(line, where)
    if not isinstance(row, dict):
        raise BadInput(where, "a JSON object")
    return row


def parsed(text: str, where: str) -> Any:
    """What a JSON text says.

    Raises:
        BadInput: it is no JSON; it names the line and the column.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise BadInput(where, f"a JSON file ({place})") from None
    except RecursionError:
        raise BadInput(where, "a JSON file that is not nested so deep") from None
