"""What the tools stand on, opened when it is first needed.

Search index, embedder and judge take seconds to load; a client waits for `initialize` alone.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubrics.judge import Judge, Mode
from rubrics.reading import ScenarioReader

if TYPE_CHECKING:
    from principle_store.search import PrincipleSearch
    from principle_store.store import PrincipleStore

Judging = Callable[[Mode], Awaitable[Judge | None]]
"""The judge that works in this mode; None where the caller is to judge."""
Closing = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class House:
    """The principles, who reads questions, and who judges answers."""

    store: "PrincipleStore"
    search: "PrincipleSearch"
    reader: ScenarioReader
    judging: Judging
    close: Closing
    """Closes the models that were opened for it."""

    @classmethod
    def of(
        cls, store: "PrincipleStore", reader: ScenarioReader, judging: Judging, close: Closing
    ) -> "House":
        from principle_store.search import PrincipleSearch

        return cls(store, PrincipleSearch(store), reader, judging, close)


def always(judge: Judge | None) -> Judging:
    """The same judge in every mode."""

    async def the_same(_: Mode) -> Judge | None:
        return judge

    return the_same


class Entrance:
    """Opens the house once, in a thread of its own; after a failure it is tried anew."""

    def __init__(self, open_house: Callable[[], House]) -> None:
        self._open = open_house
        self._opening: Future[House] | None = None

    def warm_up(self) -> "Future[House]":
        """Begin to open it, if nobody has."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = Future()
            # A daemon: the end of the process does not wait for one that is still opening.
            threading.Thread(target=self._run, args=(self._opening,), daemon=True).start()
        return self._opening

    async def house(self) -> House:
        """The opened house.

        Raises:
            ClinalignError: it cannot be opened.
        """
        return await asyncio.shield(asyncio.wrap_future(self.warm_up()))

    async def close(self) -> None:
        """Close what was opened; it can be opened anew."""
        opening, self._opening = self._opening, None
        if opening and opening.done() and not opening.exception():
            await opening.result().close()

    def _run(self, opening: "Future[House]") -> None:
        try:
            opening.set_result(self._open())
        except BaseException as error:
            opening.set_exception(error)
