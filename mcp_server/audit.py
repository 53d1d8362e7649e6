"""Keeps a line for every score whose verdicts were a caller's: hashes and sums, no text.

Each line holds the hash of the one before, so that a changed or missing line shows.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.journal import Journal
from mcp_server.results import ScoredAnswer
from mcp_server.scoring import Wish

WAIT_SECONDS = 5  # for another server that is writing its line


def keep_line(path: Path, wish: Wish, scored: ScoredAnswer) -> str:
    """Write the line of a score and return its id.

    Raises:
        StorageError: it cannot be written.
    """
    line: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "judge": scored.judge,
        "conversation": _hash(wish.conversation.model_dump_json()),
        "answer": _hash(wish.answer),
        "rubric": scored.rubric_id,
        "library": scored.library.hash,
        "verdicts": [f"{one.verdict} {one.reason}".strip() for one in scored.verdicts],
        "earned": scored.score.earned if scored.score else None,
        "possible": scored.score.possible if scored.score else None,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with Journal(path, wait_seconds=WAIT_SECONDS) as journal:
        last = journal.last()
        journal.append([line | {"before": _hash(_canonical(last)) if last else ""}])
    return str(line["id"])


def broken_at(lines: Iterable[dict[str, Any]]) -> int | None:
    """The number of the first line that does not follow from the one before; None if all do."""
    before = ""
    for number, line in enumerate(lines, start=1):
        if line.get("before") != before:
            return number
        before = _hash(_canonical(line))
    return None


def _canonical(line: dict[str, Any]) -> str:
    return json.dumps(line, sort_keys=True, ensure_ascii=False)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
