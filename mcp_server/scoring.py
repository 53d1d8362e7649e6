"""One answer being judged: what is known so far, and who waits for more.

It knows no tool and no protocol; `mcp_server.workroom` does the work, and the judging goes on
there when a caller's time is over.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

from inference.messages import Conversation
from inference.words import Word
from principle_store.types import LibraryStamp
from rubrics.judge import Mode
from rubrics.types import Rubric, Verdict


class Wish(Word):
    """What a caller wants scored: enough to go on with it after a restart."""

    conversation: Conversation
    answer: str
    rubric: Rubric | None = None
    """None until it is made from principles."""
    principle_ids: tuple[str, ...] = ()
    """To make it from; empty: those that fit the question."""
    mode: Mode = "packed"


class Scoring:
    def __init__(self, wish: Wish, known: Iterable[Verdict] = ()) -> None:
        self.wish = wish
        self.judge = self.agreement = ""
        self.library = LibraryStamp(version="", hash="")
        self.made = False
        """The rubric was made here, from principles."""
        self.wants_verdicts = False
        """The caller is to judge."""
        self.newest = ""
        """The verdict heard last, in words."""
        self.task: asyncio.Task[None] | None = None
        self._verdicts = {one.criterion_id: one for one in known}
        self._watchers: set[asyncio.Event] = set()

    @property
    def done(self) -> bool:
        return self.task is not None and self.task.done()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """In the rubric's order; those not judged yet say so."""
        criteria = self.wish.rubric.criteria if self.wish.rubric else ()
        return tuple(self._verdicts.get(one.id) or _pending(one.id) for one in criteria)

    def known(self) -> tuple[Verdict, ...]:
        return tuple(self._verdicts.values())

    def left(self) -> Rubric | None:
        """The criteria that are not judged yet; None if there are none."""
        assert self.wish.rubric is not None
        criteria = [one for one in self.wish.rubric.criteria if one.id not in self._verdicts]
        return Rubric(criteria=tuple(criteria)) if criteria else None

    def heard(self, verdict: Verdict) -> None:
        self._verdicts[verdict.criterion_id] = verdict
        self.newest = f"{verdict.criterion_id}: {verdict.verdict}"
        self.news()

    def news(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    async def growth(self) -> AsyncIterator[int]:
        """How many verdicts there are, each time there are more, until the work is done."""
        watcher, seen = asyncio.Event(), 0
        self._watchers.add(watcher)
        try:
            while not self.done:
                if len(self._verdicts) > seen:
                    seen = len(self._verdicts)
                    yield seen
                await watcher.wait()
                watcher.clear()
        finally:
            self._watchers.discard(watcher)


def _pending(criterion_id: str) -> Verdict:
    return Verdict(
        criterion_id=criterion_id,
        verdict="ABSTAIN",
        explanation="not judged yet",
        reason="pending",
    )
