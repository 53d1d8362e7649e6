"""Finds questions that share a run of words with what measures: its questions must not teach.

Of the files that measure, nothing is kept but hashes of runs, which cannot be turned back.
"""

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from inference.errors import BadInput
from inference.messages import Conversation
from training.inputs import rows_of
from training.shingles import shingles
from training.tasks import Rejected, asked_in

SIZE = 13  # words in a row; the longest that GPT-3's authors looked for (Brown et al. 2020, app. C)


class Measured:
    """The runs of words of questions that measure."""

    def __init__(self, hashes: Iterable[int] = ()) -> None:
        self._hashes = array("Q", sorted(set(hashes)))

    @classmethod
    def of(cls, paths: Sequence[str]) -> "Measured":
        """From files of rows with `prompt`.

        Raises:
            BadInput: a file or a row of it cannot be read: it would go unnoticed in the questions.
        """
        return cls(run for path in paths for run in _runs_in(path))

    def refuse(self, asked: Conversation) -> None:
        """Let a question pass that shares no run.

        Raises:
            Rejected: it shares one.
        """
        if any(run in self for run in _runs_of(asked)):
            raise Rejected("contaminated", f"it shares {SIZE} words in a row with what measures")

    def __contains__(self, run: int) -> bool:
        place = bisect_left(self._hashes, run)
        return place < len(self._hashes) and self._hashes[place] == run

    def __len__(self) -> int:
        return len(self._hashes)


def _runs_in(path: str) -> Iterator[int]:
    for number, text in rows_of(path, "--decontaminate"):
        try:
            yield from _runs_of(asked_in(json.loads(text)))
        except (ValueError, AttributeError, Rejected):
            where = f"--decontaminate {path} line {number}"
            raise BadInput(where, "a row with `prompt`, a conversation or a text") from None


def _runs_of(asked: Conversation) -> Iterator[int]:
    for message in asked.messages:
        yield from shingles(message.content, SIZE)
