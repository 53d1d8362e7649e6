"""What became of the rows of a synthesis, for the bar while it runs and for the end."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    rows: int
    done_before: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    failed_in_a_row: int = 0
    why: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    @property
    def written(self) -> int:
        return self.accepted + self.rejected.total()

    def take(self, found: Iterable[Mapping[str, Any]]) -> None:
        """Count rows that came out."""
        for row in found:
            if "failed" in row:
                self.failed, self.failed_in_a_row = self.failed + 1, self.failed_in_a_row + 1
                self.why = row["failed"]
                continue
            self.failed_in_a_row = 0
            if "rejected" in row:
                self.rejected[row["rejected"]] += 1
                continue
            self.accepted += 1
            spent = row.get("provenance", {})
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
                setattr(self, name, getattr(self, name) + spent.get(name, 0))

    def in_words(self) -> str:
        """Beside the bar: tokens, and what was rejected for which reason."""
        parts = [f"{self.prompt_tokens + self.completion_tokens:,} tokens"]
        parts += [f"{_plain(reason)} {number}" for reason, number in self.rejected.most_common(4)]
        parts += [f"no reply {self.failed}"] if self.failed else []
        return ", ".join(parts)

    def as_data(self) -> dict[str, int]:
        counts = {"rows": self.rows, "done_before": self.done_before, "accepted": self.accepted}
        counts |= {"rejected": self.rejected.total(), "failed": self.failed}
        tokens = ("prompt_tokens", "cached_tokens", "completion_tokens")
        return counts | {name: getattr(self, name) for name in tokens}


def show(tally: Tally, as_json: bool) -> None:
    """Print what became of the rows."""
    counts = tally.as_data()
    if as_json:
        print(json.dumps({**counts, "reasons": dict(tally.rejected)}))
        return
    print(", ".join(f"{number:,} {_plain(name)}" for name, number in counts.items()))
    for reason, number in tally.rejected.most_common():
        print(f"  rejected, {_plain(reason)}: {number:,}")


def _plain(name: str) -> str:
    return name.replace("_", " ")
