"""Reads text files line by line, and says what is wrong with one that cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
