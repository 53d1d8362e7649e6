"""A JSONL file that grows: rows are safe once `append` returns, and one process writes at a time.

What a crash left half written at the end is passed over, and cut off before the next row is
written; nothing else of what was there is ever changed.
"""

import json
import os
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from inference.errors import StorageError

CHUNK = 1 << 16


class Journal:
    """A context manager: takes the file for this process while it is open."""

    def __init__(self, path: Path, wait_seconds: float = 0) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=wait_seconds)

    def __enter__(self) -> Self:
        """Open it for reading and appending.

        Raises:
            StorageError: it cannot be written, or another process writes to it.
        """
        try:
            self._lock.acquire()
            # Unbuffered: what could not be written must not be tried again when it is closed.
            self._file = self._path.open("a+b", buffering=0)
            self._mended = False
        except Timeout:
            raise StorageError(f"another run is writing to {self._path}; wait for it") from None
        except OSError as error:
            self._lock.release()
            raise self._unusable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._lock.release()

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows so far, one at a time.

        Raises:
            StorageError: a line holds no JSON object.
        """
        for number, line in enumerate(self.lines(), start=1):
            if (row := _row(line)) is None:
                where = f"{self._path} line {number}"
                raise StorageError(f"{where} is no row of ours; name another file")
            yield row

    def lines(self) -> Iterator[bytes]:
        """Every row as it is written, unread; one that a crash left half written is left out.

        Raises:
            StorageError: the file does not end on a row of ours.
        """
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n") or _row(line) is not None:
                    yield line
                elif not line.startswith(b"{"):
                    where = f"{self._path} line {number}"
                    raise StorageError(f"{where} is no row of ours; name another file")

    def last(self) -> dict[str, Any] | None:
        """The last whole row, without reading those before; None if there is none."""
        end = self._file.seek(0, os.SEEK_END)
        start, tail = end, b""
        while start and len(tail.split(b"\n")) < 4:
            start = max(0, start - CHUNK)
            self._file.seek(start)
            tail = self._file.read(end - start)
        rows = (row for line in reversed(tail.split(b"\n")) if (row := _row(line)) is not None)
        return next(rows, None)

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows; when it returns they survive a crash.

        Raises:
            StorageError: they could not be written; none of them counts as written.
        """
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        end = self._file.seek(0, os.SEEK_END)
        try:
            if not self._mended:
                end = _mended(self._file)
                self._mended = True
            _write_all(self._file, lines.encode("utf-8", "surrogatepass"))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._take_back(end)
            raise self._unusable(error) from error

    def _take_back(self, end: int) -> None:
        try:
            os.ftruncate(self._file.fileno(), end)
        except OSError:
            return  # the next opening cuts off what is torn

    def _unusable(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path} cannot be written ({error.strerror})")


def _write_all(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _mended(file: Any) -> int:
    """Finish a last line that is a row and drop one that is torn; where the file then ends."""
    end = file.seek(0, os.SEEK_END)
    kept: int = end
    tail = b""
    while kept:
        start = max(0, kept - CHUNK)
        file.seek(start)
        part = file.read(kept - start)
        found = part.rfind(b"\n")
        tail = part[found + 1 :] + tail
        kept = start + found + 1 if found != -1 else start
        if found != -1:
            break
    if tail and _row(tail) is not None:
        file.write(b"\n")
        return int(end) + 1
    file.truncate(kept)
    return kept
