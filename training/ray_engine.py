"""Works on rows with Ray Data, where one machine is not enough.

Each worker opens its own models and tools, works on whole batches, and starts anew when it is lost:
its batch is then done again, so that every row comes out once.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Any

from inference.extras import needed
from inference.flow import as_done

Row = dict[str, Any]
Work = Callable[[Row], Awaitable[Row]]
"""What is done with one row; both can be written as JSON."""
Opened = Callable[[], AbstractAsyncContextManager[Work]]
"""Opens what the work needs; travels to the workers, so it has to hold no open thing."""

AT_ONCE = 20_000  # rows handed to Ray at a time: workers are opened anew for each such part
BATCHES = 2  # of a worker's places, in one batch: it loses no more when it is lost


def worked(
    rows: Iterable[Row], opened: Opened, in_flight: int, workers: int
) -> Iterator[list[Row]]:
    """What became of the rows, in any order, as it comes.

    Args:
        rows: read as they are needed.
        opened: see `Opened`.
        in_flight: rows at once, of all workers together.
        workers: processes, wherever the cluster has room for one.

    Raises:
        Lacking: Ray is not installed.
    """
    with needed("ray", extra="scale"):
        import ray

    _ready(ray)
    return _made(ray.data, iter(rows), opened, max(1, in_flight // workers), workers)


def _made(
    data: Any, rows: Iterator[Row], opened: Opened, places: int, workers: int
) -> Iterator[list[Row]]:
    size = places * BATCHES
    while part := [{"row": json.dumps(row)} for row in islice(rows, AT_ONCE)]:
        found = data.from_items(part, override_num_blocks=-(-len(part) // size))
        made = found.map_batches(
            _Worker,
            fn_constructor_args=(opened, places),
            batch_size=size,
            compute=data.ActorPoolStrategy(size=workers),
            num_cpus=1,
        )
        for batch in made.iter_batches(batch_size=None):
            yield [json.loads(one) for one in batch["made"]]


def _ready(ray: Any) -> None:
    """Join the cluster that RAY_ADDRESS names, or start one on this machine."""
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="warning")
    ray.data.DataContext.get_current().enable_progress_bars = False


class _Worker:
    """One process of Ray's: an event loop in a thread of its own, with the work opened in it."""

    def __init__(self, opened: Opened, places: int) -> None:
        self._places = places
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._opening = opened()  # kept: it is closed when the process ends
        self._work = self._run(self._opening.__aenter__())

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        return {"made": self._run(self._all([json.loads(one) for one in batch["row"]]))}

    async def _all(self, rows: list[Row]) -> list[str]:
        done = as_done(rows, self._work, self._places)
        return [json.dumps(one) async for found in done for one in found]

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
