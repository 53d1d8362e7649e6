"""Reads the files that commands are given, and writes those they make."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.errors import StorageError
from inference.lines import parsed, read_row, readable, text_lines
from inference.whole_files import write_whole


def read_json(path: str, what: str) -> Any:
    """The content of a JSON file.

    Raises:
        BadInput: the file cannot be read, or is not JSON; it names the line and the column.
    """
    return parsed(read_text(path, what), f"{what} {path}")


def read_lines(path: str, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their line numbers; lines end on a line feed alone.

    Raises:
        BadInput: the file cannot be read, or a line holds no JSON object; it names the line.
    """
    for number, line in text_lines(path, what):
        yield number, read_row(line, f"{what} {path} line {number}")


def read_text(path: str, what: str) -> str:
    """The content of a file in UTF-8.

    Raises:
        BadInput: the file cannot be read.
    """
    with readable(path, what):
        return Path(path).read_text(encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        write_whole(path, text.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror})") from error
