"""Looks through whole rubrics: each criterion, its sign, doubles, and answers that leak into it.

Prefers silence to a false alarm.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from rubrics.lint import Finding, findings
from rubrics.parsing import plain
from rubrics.signs import wrong_sign
from rubrics.types import Criterion

LEAKED_WORDS = 8  # in a row, of an answer that is to be judged
ALIKE = 0.9  # share of words that two criteria have in common


def rubric_findings(
    criteria: Sequence[Criterion], answers: Sequence[str] = ()
) -> Iterator[tuple[int, Finding]]:
    """What is wrong, each with the place of its criterion, counted from 0.

    Args:
        criteria: of one rubric.
        answers: to the same question; none of them may stand in a criterion.
    """
    leaked = _runs(answers)
    before: list[set[str]] = []
    for place, one in enumerate(criteria):
        for finding in _of_one(one.criterion, one.points):
            yield place, finding
        words = set(plain(one.criterion).split())
        if double := _double(before, words):
            yield place, double
        before.append(words)
        runs = _runs([one.criterion]) if leaked else ()
        if leak := next((run for run in runs if run in leaked), None):
            yield place, _leak(leak)


@lru_cache(maxsize=4096)
def _of_one(criterion: str, points: float) -> tuple[Finding, ...]:
    """A rubric in the making is looked through several times."""
    sign = wrong_sign(criterion, points)
    return (*findings(criterion), *([sign] if sign else []))


def _double(before: Sequence[set[str]], words: set[str]) -> Finding | None:
    for place, beside in enumerate(before, start=1):
        if len(words & beside) >= ALIKE * len(words | beside):
            return Finding(
                kind="duplicate",
                reason=f"it says what criterion {place} says, so that its points count twice",
                suggestion="keep one of them",
            )
    return None


def _leak(words: str) -> Finding:
    return Finding(
        kind="leak",
        reason=f"{words!r} stands in an answer word for word",
        suggestion="say what is wanted, so that other words can meet it too",
    )


def _runs(texts: Sequence[str]) -> dict[str, None]:
    """Every run of eight words, in order."""
    found: dict[str, None] = {}
    for text in texts:
        words = plain(text).split()
        for start in range(len(words) - LEAKED_WORDS + 1):
            found[" ".join(words[start : start + LEAKED_WORDS])] = None
    return found
