"""Writes a folder whole or not at all, over an earlier one of the same kind alone."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.errors import BadInput, StorageError


def check_free(out: Path, ours: frozenset[str], what: str) -> None:
    """Make sure that a folder may be written where the path says.

    Args:
        out: where.
        ours: the files that it will hold; a folder with no others may be written over.
        what: names the path in errors.

    Raises:
        BadInput: something else is there, or where its draft goes.
    """
    for path in (out, _draft(out)):
        if path.exists() and not (path.is_dir() and {one.name for one in path.iterdir()} <= ours):
            raise BadInput(f"{what} {path}", "an empty folder, an earlier one of ours, or none yet")


@contextmanager
def whole_folder(out: Path, ours: frozenset[str], what: str) -> Iterator[Path]:
    """A draft to write files into, which becomes the folder if nothing goes wrong.

    Args:
        out: where the folder goes.
        ours: the files that it will hold; a folder with no others is written over.
        what: names the path in errors.

    Raises:
        BadInput: something else is there.
        StorageError: it cannot be written.
    """
    check_free(out, ours, what)
    draft = _draft(out)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        if out.exists():
            shutil.rmtree(out)
        draft.replace(out)
    except OSError as error:
        raise StorageError(f"{out} cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _draft(out: Path) -> Path:
    return out.parent / f"{out.name}.part"
