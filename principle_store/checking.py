"""Looks through the whole library for what loading cannot refuse: wording, doubles, examples."""

from collections.abc import Iterator, Sequence, Set

import numpy as np

from inference.embedding import TextVectors
from inference.messages import Conversation
from inference.words import Word
from principle_store.types import Library, Principle
from rubrics.judge import Judge
from rubrics.lint import findings
from rubrics.types import Rubric, Verdict

TOO_ALIKE = 0.92  # cosine of two statements
SURE = 0.9  # a probability: a failing example speaks of what it fails to do, and a judge may err


class Problem(Word):
    principle_id: str
    kind: str
    reason: str
    beside: str = ""
    """The other principle, if there is one."""

    def names(self, ids: Set[str]) -> bool:
        return self.principle_id in ids or self.beside in ids


async def problems(
    library: Library, texts: TextVectors, judge: Judge, only: Set[str] = frozenset()
) -> list[Problem]:
    """Every problem: of wording, doubles, and examples that the judge's verdicts contradict.

    Args:
        library: what to look through.
        texts: embeds the statements.
        judge: judges the examples.
        only: ids of the principles to look at, beside the others; all if there are none.
    """
    seen = [one for one in library.principles if not only or one.id in only]
    found = [problem for one in seen for problem in _wording(one)]
    found += [one for one in _doubles(library.principles, texts) if not only or one.names(only)]
    for principle in seen:
        found += await _contradictions(principle, judge)
    return found


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


async def _contradictions(principle: Principle, judge: Judge) -> Sequence[Problem]:
    """A passing example that is caught doing harm, or a failing one that does well.

    Only a sure MET counts, which comes with a quote: that the screening judge sees nothing proves
    nothing.
    """
    if principle.examples is None:
        return []
    asked = Conversation.of(next(iter(principle.asked_as), principle.statement))
    criteria = principle.ready_criteria()
    found = []
    for name, answer, sign in (
        ("passing", principle.examples.passing, -1),
        ("failing", principle.examples.failing, 1),
    ):
        against = tuple(one for one in criteria if one.points * sign > 0)
        if not against:
            continue
        verdicts = await judge.verdicts(asked, answer, Rubric(criteria=against))
        for criterion, verdict in zip(against, verdicts, strict=True):
            if _is_surely_met(verdict):
                reason = f"the {name} one meets {criterion.criterion!r} by {verdict.quote!r}"
                found.append(Problem(principle_id=criterion.id, kind="example", reason=reason))
    return found


def _is_surely_met(verdict: Verdict) -> bool:
    chance = verdict.probability
    return verdict.verdict == "MET" and (chance is None or chance >= SURE)


def _doubles(principles: Sequence[Principle], texts: TextVectors) -> Iterator[Problem]:
    vectors = texts.embed([principle.statement for principle in principles])
    alike = np.argwhere(np.triu(vectors @ vectors.T, 1) >= TOO_ALIKE)
    for first, second in alike.tolist():
        one, other = principles[first].id, principles[second].id
        reason = f"its statement says nearly the same as that of {other}; merge them"
        yield Problem(principle_id=one, kind="duplicate", reason=reason, beside=other)
