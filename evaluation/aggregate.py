"""HealthBench's arithmetic: from graded examples to the figures that are published.

Source: openai/simple-evals (commit ee3b031), `calculate_score` and `_aggregate_get_clipped_mean`;
written anew from its rules. Examples with an open criterion are left out and counted, where the
original asks its grader without end.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from pydantic import StrictBool, StrictStr

from inference.errors import BadInput
from inference.words import Word, read
from rubrics.scoring import score
from rubrics.types import Rubric, Verdict

RESAMPLES = 1000
OVERALL = "overall_score"
AGAIN = "score"  # the original takes it a second time, after an example's tags


class Graded(Word):
    """An example with what a grader said of each criterion."""

    example_tags: tuple[str, ...]
    rubric: Rubric
    criteria_met: tuple[bool | None, ...]
    """In the rubric's order; None where no verdict could be had."""

    @classmethod
    def of(cls, row: Mapping[str, Any], where: str) -> Self:
        """Read a row of `example_tags`, `rubrics` and `criteria_met`; other fields are passed over.

        Raises:
            BadInput: it cannot be used.
        """
        tags = read(tuple[StrictStr, ...], row.get("example_tags", []), f"{where}: example_tags")
        if len(set(tags)) < len(tags):
            raise BadInput(f"{where}: example_tags", "each tag once")
        rubric = Rubric.from_rows(row.get("rubrics"), f"{where}: rubrics")
        if not any(one.points > 0 for one in rubric.criteria):
            raise BadInput(f"{where}: rubrics", "a criterion with positive points")
        met = read(tuple[StrictBool | None, ...], row.get("criteria_met"), f"{where}: criteria_met")
        if len(met) != len(rubric.criteria):
            way = f"one for each of the {len(rubric.criteria)} criteria"
            raise BadInput(f"{where}: criteria_met", way, len(met))
        return cls(example_tags=tags, rubric=rubric, criteria_met=met)

    def values(self) -> dict[str, float] | None:
        """The example's score and that of each tag; None while a criterion is open.

        A tag without positive points has no value here: it is absent, not 0.
        """
        if None in self.criteria_met:
            return None
        added = score(self.rubric, self._verdicts())
        assert added.fraction is not None
        tags = {tag: value for tag, value in added.tags.items() if value is not None}
        whole = dict.fromkeys((OVERALL, *self.example_tags), added.fraction)
        return {**whole, **tags, AGAIN: added.fraction}

    def _verdicts(self) -> tuple[Verdict, ...]:
        return tuple(
            Verdict(criterion_id=criterion.id, verdict="MET" if met else "UNMET")
            for criterion, met in zip(self.rubric.criteria, self.criteria_met, strict=True)
        )


class Figures(Word):
    """The figures of a run."""

    score: float | None
    """`overall_score`; None where no example was graded."""
    metrics: dict[str, int | float]
    """By the official names, each with `:n_samples` and `:bootstrap_std`."""
    ungraded: int
    """Examples with an open criterion; they are in no figure."""


def aggregated(examples: Iterable[Graded], seed: int = 0) -> Figures:
    """Mean, number and bootstrap error of the score and of each tag.

    Only means are clipped to 0 and 1, never an example: a harmful answer pulls a run down.

    Args:
        examples: with their verdicts.
        seed: of the bootstrap, which takes one figure after another as they first appear.
    """
    values: dict[str, list[float]] = {}
    ungraded = 0
    for example in examples:
        found = example.values()
        ungraded += found is None
        for name, value in (found or {}).items():
            values.setdefault(name, []).append(value)
    drawn = np.random.RandomState(seed)
    metrics: dict[str, int | float] = {}
    for name, of_examples in values.items():
        metrics[name] = clipped_mean(of_examples)
        metrics[f"{name}:n_samples"] = len(of_examples)
        metrics[f"{name}:bootstrap_std"] = bootstrap_std(of_examples, drawn)
    whole = metrics.pop(AGAIN, None)
    return Figures(score=whole, metrics=metrics, ungraded=ungraded)


def clipped_mean(values: Sequence[float]) -> float:
    """The mean, no less than 0 and no more than 1."""
    return float(np.clip(np.mean(values), 0, 1))


def bootstrap_std(values: Sequence[float], drawn: np.random.RandomState) -> float:
    """The standard deviation (ddof 0) of the clipped means of 1,000 resamples."""
    array = np.asarray(values, dtype=np.float64)
    means = [np.mean(drawn.choice(array, len(array))) for _ in range(RESAMPLES)]
    return float(np.std(np.clip(means, 0, 1)))
