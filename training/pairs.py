"""Makes training data of answers that were judged: preferences for DPO, best answers for SFT.

A row is an episode of the agent (`ask --file`), or a question with several judged answers. Verdicts
are added up here again, so that what an answer earned is known to be what its verdicts say.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from pydantic import Field

from inference.errors import BadInput
from inference.words import Word
from rubrics.scoring import VerdictMismatch, score
from rubrics.types import Rubric, Text
from training.judged_rows import JudgedAnswer, answers_in, rubric_in
from training.reward import REFUSED_JUDGE
from training.tasks import asked_in, id_of

Skipped = Literal[
    "unfit_judge",  # the screening judge reads words: a policy would learn to write more
    "too_few_answers",  # two that were judged and are whole are needed
    "margin",  # no two answers lie far enough apart
    "length_only",  # only the criterion of length tells them apart
    "longer",  # the better one is much longer
    "critical",  # the better one loses something critical
]
LENGTH = "care:length"


class Terms(Word):
    """What a pair, or an answer to learn from, has to be."""

    margin: float = Field(default=0.1, gt=0)
    """Between the two fractions, at least."""
    longest: float = Field(default=2.0, ge=1)
    """The better answer's length, in lengths of the other, at most."""
    least_coverage: float = Field(default=0.8, gt=0, le=1)
    """Judged share of the criteria; an answer below it is left out."""
    best: float = Field(default=0.7, le=1)
    """The fraction from which on an answer is one to learn from."""
    most: int = Field(default=1, ge=1)
    """Pairs of one question."""


class Candidate(Word):
    """A judged answer."""

    answer: Text
    fraction: float
    without_length: float | None
    """The same without the criterion of length; None where nothing else is worth points."""
    right: frozenset[str]
    """Critical criteria that it gets right."""


class Pair(Word):
    """A preference in TRL's form, with what it stands on."""

    prompt_id: str
    prompt: list[dict[str, Any]]
    chosen: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    chosen_fraction: float
    rejected_fraction: float


class Lesson(Word):
    """An answer to learn from, in TRL's form."""

    prompt_id: str
    prompt: list[dict[str, Any]]
    completion: list[dict[str, Any]]
    fraction: float


class Harvest(Word):
    """What one row gives."""

    pairs: tuple[Pair, ...] = ()
    lesson: Lesson | None = None
    skipped: Skipped | None = None
    """Why there is no pair."""


def harvested(row: Mapping[str, Any], terms: Terms, where: str = "row") -> Harvest:
    """The pairs and the lesson of one row.

    Args:
        row: an episode, or `prompt`, `rubrics` and `answers` of {answer, verdicts}; `judge` names
            who judged.
        terms: what they have to be.
        where: the words for the row.

    Raises:
        BadInput: the row is neither, or its verdicts do not fit its rubric.
        Rejected: it has no question.
    """
    asked = asked_in(row)
    found = _candidates(row, terms, where)
    if str(row.get("judge", "")).startswith(REFUSED_JUDGE):
        return Harvest(skipped="unfit_judge")
    prompt, id = [one.model_dump() for one in asked.messages], id_of(row, asked)
    best = max(found, key=lambda one: one.fraction, default=None)
    lesson = None
    if best and best.fraction >= terms.best:
        said = _turn(best.answer)
        lesson = Lesson(prompt_id=id, prompt=prompt, completion=said, fraction=best.fraction)
    if len(found) < 2:
        return Harvest(lesson=lesson, skipped="too_few_answers")
    whys: list[Skipped] = []
    pairs: list[Pair] = []
    for better, worse in _by_margin(found):
        if why := _against(better, worse, terms):
            whys.append(why)
        elif len(pairs) < terms.most:
            pairs.append(
                Pair(
                    prompt_id=id,
                    prompt=prompt,
                    chosen=_turn(better.answer),
                    rejected=_turn(worse.answer),
                    chosen_fraction=better.fraction,
                    rejected_fraction=worse.fraction,
                )
            )
    # Of the pair that lay farthest apart.
    return Harvest(pairs=tuple(pairs), lesson=lesson, skipped=None if pairs else whys[0])


def _candidates(row: Mapping[str, Any], terms: Terms, where: str) -> list[Candidate]:
    """The answers that were judged well enough, each once."""
    rubric, judged = rubric_in(row, where), answers_in(row, where)
    try:
        found = [_candidate(one, rubric, terms) for one in judged if not one.truncated]
    except VerdictMismatch as error:
        raise BadInput(f"{where}: {error.where}", error.expected) from None
    return list({one.answer: one for one in found if one}.values())


def _candidate(judged: JudgedAnswer, rubric: Rubric, terms: Terms) -> Candidate | None:
    added = score(rubric, judged.verdicts, partial=True)
    if added.fraction is None or added.coverage < terms.least_coverage:
        return None
    met = {one.criterion_id: one.verdict == "MET" for one in judged.verdicts}
    critical = (one for one in rubric.criteria if one.critical)
    return Candidate(
        answer=judged.answer,
        fraction=added.fraction,
        without_length=_without_length(judged, rubric),
        right=frozenset(one.id for one in critical if met[one.id] == (one.points > 0)),
    )


def _without_length(judged: JudgedAnswer, rubric: Rubric) -> float | None:
    kept = tuple(one for one in rubric.criteria if LENGTH not in one.tags)
    if not kept:
        return None
    ids = {one.id for one in kept}
    verdicts = [one for one in judged.verdicts if one.criterion_id in ids]
    return score(Rubric(criteria=kept), verdicts, partial=True).fraction


def _by_margin(found: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    """Every two answers, the better one first, those that lie farthest apart first."""
    ordered = sorted(found, key=lambda one: -one.fraction)
    pairs = combinations(ordered, 2)
    yield from sorted(pairs, key=lambda pair: pair[1].fraction - pair[0].fraction)


def _against(better: Candidate, worse: Candidate, terms: Terms) -> Skipped | None:
    if better.fraction - worse.fraction < terms.margin:
        return "margin"
    if better.without_length is None or worse.without_length is None:
        return "length_only"
    if better.without_length - worse.without_length < terms.margin:
        return "length_only"
    if worse.right - better.right:
        return "critical"
    return "longer" if len(better.answer) > terms.longest * len(worse.answer) else None


def _turn(answer: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": answer}]
