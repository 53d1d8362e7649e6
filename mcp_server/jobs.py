"""Keeps scorings that outlast their call, for a day, in one SQLite file that several servers share.

The question and the answer are in it while the judging goes on, since a restarted server has to go
on with them; they are wiped when it is done. The file is readable by its owner alone.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from inference.errors import StorageError
from inference.words import Word
from mcp_server.results import ScoredAnswer
from mcp_server.scoring import Wish
from rubrics.types import Verdict

KEPT_SECONDS = 24 * 60 * 60
WAIT_SECONDS = 5  # for another process that is writing
TABLES = """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, begun REAL, wish TEXT, result TEXT);
CREATE TABLE IF NOT EXISTS verdicts
    (job TEXT, criterion TEXT, verdict TEXT, PRIMARY KEY (job, criterion));
"""


class KeptJob(Word):
    wish: Wish | None
    """None once it is done."""
    verdicts: tuple[Verdict, ...] = ()
    result: ScoredAnswer | None = None


class JobStore:
    """Every call opens the file anew, so that nothing is held between threads or processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, id: str, wish: Wish, verdicts: Iterable[Verdict]) -> None:
        """Keep a job from now on.

        Raises:
            StorageError: the file cannot be used.
        """
        with self._opened() as store:
            store.execute(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, NULL)",
                (id, time.time(), wish.model_dump_json()),
            )
            _add(store, id, verdicts)

    def grow(self, id: str, wish: Wish, verdicts: Iterable[Verdict]) -> None:
        """Add verdicts; the wish may have got its rubric.

        Raises:
            StorageError: the file cannot be used.
        """
        with self._opened() as store:
            store.execute(
                "UPDATE jobs SET wish = ? WHERE id = ? AND result IS NULL",
                (wish.model_dump_json(), id),
            )
            _add(store, id, verdicts)

    def finish(self, id: str, result: ScoredAnswer) -> None:
        """Keep the result in place of what was asked.

        Raises:
            StorageError: the file cannot be used.
        """
        with self._opened() as store:
            said = result.model_dump_json(by_alias=True)
            store.execute("UPDATE jobs SET wish = NULL, result = ? WHERE id = ?", (said, id))
            store.execute("DELETE FROM verdicts WHERE job = ?", (id,))

    def get(self, id: str) -> KeptJob | None:
        """The job, unless it is unknown or older than a day.

        Raises:
            StorageError: the file cannot be used.
        """
        if not self._path.exists():
            return None
        with self._opened() as store:
            row = store.execute("SELECT wish, result FROM jobs WHERE id = ?", (id,)).fetchone()
            said = store.execute("SELECT verdict FROM verdicts WHERE job = ?", (id,)).fetchall()
        if row is None:
            return None
        return KeptJob(
            wish=Wish.model_validate_json(row[0]) if row[0] else None,
            verdicts=tuple(Verdict.model_validate_json(text) for (text,) in said),
            result=ScoredAnswer.model_validate_json(row[1]) if row[1] else None,
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file in one transaction, without what is too old."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS)) as store:
                store.execute("PRAGMA secure_delete = ON")
                store.executescript(TABLES)
                with store:
                    _drop_old(store)
                    yield store
        except (OSError, sqlite3.Error, ValueError) as error:
            raise StorageError(f"{self._path} cannot be used ({error}); remove it") from error


def _drop_old(store: sqlite3.Connection) -> None:
    oldest = time.time() - KEPT_SECONDS
    store.execute(
        "DELETE FROM verdicts WHERE job IN (SELECT id FROM jobs WHERE begun < ?)", (oldest,)
    )
    store.execute("DELETE FROM jobs WHERE begun < ?", (oldest,))


def _add(store: sqlite3.Connection, id: str, verdicts: Iterable[Verdict]) -> None:
    store.executemany(
        "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)",
        [(id, one.criterion_id, one.model_dump_json()) for one in verdicts],
    )
