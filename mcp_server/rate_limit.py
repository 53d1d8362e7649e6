"""How often one client may call: a bucket of calls for each, filled at a steady rate."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000  # remembered; the one longest unseen makes room, and starts anew


class RateLimit:
    """Lets `burst` calls of a client through at once, and `per_second` over time."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        most_clients: int = MOST_CLIENTS,
    ) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._most_clients = most_clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, client: str) -> float:
        """Take one call; 0 where there was one, else the time until there is."""
        if not self._per_second:
            return 0.0
        left, now = self._left(client), self._clock()
        taken = 1.0 if left >= 1 else 0.0
        self._buckets[client] = (left - taken, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._most_clients:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - left) / self._per_second

    def __len__(self) -> int:
        return len(self._buckets)

    def _left(self, client: str) -> float:
        left, seen = self._buckets.get(client, (float(self._burst), self._clock()))
        return min(self._burst, left + (self._clock() - seen) * self._per_second)
