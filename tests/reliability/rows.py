"""The goal table's rows as they come out: one line each, shown at the end of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN_FAILURES = 8


@dataclass(frozen=True)
class Row:
    name: str
    tried: int
    failed: int
    figure: str
    limit: str

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.tried:,} tried, {self.failed:,} failed,"
            f" {self.figure} (limit {self.limit})"
        )


ROWS: list[Row] = []


def settle(name: str, tried: int, failures: Sequence[str], figure: str, limit: str) -> None:
    """Keep the row's line, and fail where it does not hold."""
    row = Row(name, tried, len(failures), figure, limit)
    ROWS.append(row)
    assert not failures, "\n".join([str(row), *failures[:SHOWN_FAILURES]])
    assert tried, f"{name}: nothing was tried"


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of all values does not pass; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def spread(seconds: Sequence[float]) -> str:
    """Of waiting times, in milliseconds."""
    p50, p99, most = (1000 * share(seconds, part) for part in (0.5, 0.99, 1.0))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {most:.0f} ms"
