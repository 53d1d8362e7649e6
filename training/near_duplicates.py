"""Finds questions that are nearly the same as an earlier one; what it knows is kept on disk.

Signatures of minimal hashes are looked up by bands (Broder 1997; Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", chapter 3), so that a million questions need no memory.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference.errors import StorageError
from inference.extras import needed
from inference.messages import Conversation
from training.shingles import shingles
from training.tasks import Rejected

NEAR = 0.8  # share of their runs of words that two questions have in common
RUN = 2  # words
BANDS, ROWS = 16, 4  # of a signature: two questions of 0.8 meet in a band 9,998 times in 10,000
Signature = NDArray[np.uint64]


class Questions:
    """A context manager over the file of signatures."""

    def __init__(self, path: Path) -> None:
        with needed("datasketch"):
            from datasketch import MinHash

        self._path, self._new = path, MinHash(num_perm=BANDS * ROWS)

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            StorageError: it cannot be used.
        """
        try:
            self._data = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._data.execute("pragma journal_mode=wal")
            # After a crash of the machine it may lack its end, and is then made anew.
            self._data.execute("pragma synchronous=off")
            self._data.execute(
                "create table if not exists questions (line integer primary key, signature blob)"
            )
            self._data.execute(
                "create table if not exists bands"
                " (band integer, line integer, primary key (band, line)) without rowid"
            )
        except sqlite3.Error as error:
            raise StorageError(f"{self._path} cannot be used ({error}); delete it") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._data.close()

    def refuse(self, line: int, asked: Conversation) -> None:
        """Remember a question, and let it pass if no earlier line is nearly the same.

        Raises:
            Rejected: one is.
            StorageError: the file cannot be written.
        """
        signature = self._signature(asked)
        bands = [int(one) for one in _bands(signature)]
        try:
            earlier = self._earlier(line, signature, bands)
            self._keep(line, signature, bands)
        except sqlite3.Error as error:
            raise StorageError(f"{self._path} cannot be written ({error})") from error
        if earlier is not None:
            raise Rejected("duplicate", f"nearly the same as line {earlier}")

    def _signature(self, asked: Conversation) -> Signature:
        one = self._new.copy()
        runs = shingles(asked.as_text(), RUN)
        one.update_batch([run.to_bytes(8) for run in runs])
        found: Signature = one.hashvalues.astype(np.uint64)
        return found

    def _earlier(self, line: int, signature: Signature, bands: Sequence[int]) -> int | None:
        asked = ",".join("?" * len(bands))
        rows = self._data.execute(
            "select line, signature from questions where line in"
            f" (select line from bands where band in ({asked}) and line < ?) order by line",
            (*bands, line),
        )
        for found, kept in rows:
            if np.mean(np.frombuffer(kept, dtype=np.uint64) == signature) >= NEAR:
                return int(found)
        return None

    def _keep(self, line: int, signature: Signature, bands: Sequence[int]) -> None:
        self._data.execute("begin")
        self._data.execute(
            "insert or replace into questions values (?, ?)", (line, signature.tobytes())
        )
        self._data.executemany(
            "insert or ignore into bands values (?, ?)", [(band, line) for band in bands]
        )
        self._data.execute("commit")


def _bands(signature: Signature) -> Any:
    """A number of each band that differs between bands, within SQLite's integers."""
    parts = signature.reshape(BANDS, ROWS)
    mixed = np.arange(BANDS, dtype=np.uint64)
    for place in range(ROWS):
        mixed = np.multiply(mixed, np.uint64(0x9E3779B97F4A7C15)) ^ parts[:, place]
    return mixed.astype(np.int64)
