"""Remembers verdicts in one SQLite file, so that nothing is asked twice.

The file keeps hashes of what was judged, never its text; explanations and quotes are kept, which
may repeat words of an answer, so it is readable by its owner alone. Several processes may use it.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from inference.errors import StorageError
from inference.messages import Conversation
from rubrics.judge import Heard, Judge, unheard
from rubrics.types import Criterion, Rubric, Verdict

WAIT_SECONDS = 30  # for another process that is writing
SHAPE = 1  # raised when verdicts or the rules of evidence change; older files are put aside


class VerdictCache:
    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            StorageError: it cannot be used.
        """
        self._path = path.with_suffix(f".{SHAPE}.sqlite")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._store = sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute("PRAGMA synchronous = NORMAL")
            self._store.execute(
                "CREATE TABLE IF NOT EXISTS verdicts (key BLOB PRIMARY KEY, verdict TEXT NOT NULL)"
                " WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """The verdicts kept under some of these keys.

        Raises:
            StorageError: the file cannot be read.
        """
        places = ", ".join("?" * len(keys))
        query = f"SELECT key, verdict FROM verdicts WHERE key IN ({places})"
        try:
            rows = self._store.execute(query, keys).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return {key: Verdict.model_validate_json(text) for key, text in rows}

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Keep a verdict.

        Raises:
            StorageError: the file cannot be written.
        """
        try:
            self._store.execute(
                "INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (key, verdict.model_dump_json())
            )
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        self._store.close()

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(f"{self._path} cannot be used ({error}); --no-cache does without")


class RememberingJudge:
    """A judge whose verdicts are looked up first; failures are not kept."""

    def __init__(self, judge: Judge, cache: VerdictCache) -> None:
        self._judge, self._cache = judge, cache
        self.found = 0
        """Verdicts that were not asked for again."""

    @property
    def name(self) -> str:
        return self._judge.name

    @property
    def fingerprint(self) -> str:
        return self._judge.fingerprint

    @property
    def agreement(self) -> str:
        return self._judge.agreement

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        case = _hash([self.fingerprint, conversation.model_dump_json(), answer])
        keys = {one.id: _hash([case.hex(), *_named(one)]) for one in rubric.criteria}
        kept = self._cache.get(list(keys.values()))
        verdict = {id: kept[key] for id, key in keys.items() if key in kept}
        self.found += len(verdict)
        for one in verdict.values():
            heard(one)

        def keep(one: Verdict) -> None:
            # What says nothing depends on the whole rubric, and costs nothing to find again.
            if one.verdict != "ERROR" and one.reason != "no_content":
                self._cache.put(keys[one.criterion_id], one)
            heard(one)

        left = tuple(one for one in rubric.criteria if one.id not in verdict)
        if left:
            asked = await self._judge.verdicts(conversation, answer, Rubric(criteria=left), keep)
            verdict |= {one.criterion_id: one for one in asked}
        return tuple(verdict[one.id] for one in rubric.criteria)


def _named(criterion: Criterion) -> Iterable[str]:
    """What of a criterion a verdict may depend on."""
    return criterion.id, criterion.criterion, str(criterion.points > 0), str(criterion.critical)


def _hash(parts: Iterable[str]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode("utf-8", "surrogatepass"))
    return digest.digest()
