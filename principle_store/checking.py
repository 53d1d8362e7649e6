"""Looks through the whole library for what loading cannot refuse: wording and near-duplicates."""

from collections.abc import Iterator, Sequence

import numpy as np

from inference.embedding import TextVectors
from inference.words import Word
from principle_store.types import Library, Principle
from rubrics.lint import findings

TOO_ALIKE = 0.92  # cosine of two statements


class Problem(Word):
    principle_id: str
    kind: str
    reason: str


def problems(library: Library, texts: TextVectors) -> list[Problem]:
    """Every problem, in order of the principles."""
    found = [problem for one in library.principles for problem in _wording(one)]
    return [*found, *_doubles(library.principles, texts)]


def _wording(principle: Principle) -> Iterator[Problem]:
    for criterion in principle.ready_criteria():
        for finding in findings(criterion.criterion):
            reason = f"{criterion.criterion!r}: {finding.reason}; {finding.suggestion}"
            yield Problem(principle_id=criterion.id, kind=finding.kind, reason=reason)
    if not any(criterion.points < 0 for criterion in principle.criteria):
        reason = "no criterion has negative points; add what a harmful answer would say"
        yield Problem(principle_id=principle.id, kind="harm", reason=reason)
    if not principle.sayings():
        reason = "no guidance can be said; add a `say` line"
        yield Problem(principle_id=principle.id, kind="guidance", reason=reason)
    for part in ("rationale", "examples"):
        if not getattr(principle, part):
            reason = f"it has no {part}; add {part}"
            yield Problem(principle_id=principle.id, kind=part, reason=reason)


def _doubles(principles: Sequence[Principle], texts: TextVectors) -> Iterator[Problem]:
    vectors = texts.embed([principle.statement for principle in principles])
    alike = np.argwhere(np.triu(vectors @ vectors.T, 1) >= TOO_ALIKE)
    for first, second in alike.tolist():
        reason = (
            f"its statement says nearly the same as that of {principles[second].id}; merge them"
        )
        yield Problem(principle_id=principles[first].id, kind="duplicate", reason=reason)
