"""HealthBench's meta-evaluation: how far a grader agrees with physicians, pair by pair.

Source: openai/simple-evals (commit ee3b031), `compute_metrics_for_rater_by_class`; written anew
from its rules. Each pair of a prediction and a physician's label counts once; the headline pools
all pairs and does not average over categories. A figure without data is absent.
"""

from collections.abc import Iterable, Sequence

from pydantic import Field

from inference.words import Word
from rubrics.agreement import Pair

PREFIX = "pairwise_model_"
SIGNS = {"pos": True, "neg": False}


class Predicted(Word):
    """What a grader said of a criterion, and what physicians said."""

    category: str
    prediction: bool | None
    """None where it said nothing usable; such a row is in no figure."""
    labels: tuple[bool, ...] = Field(min_length=1)


class Agreements(Word):
    metrics: dict[str, float]
    """By the official names, `pairwise_model_f1_balanced` first; a category's have it before."""
    ungraded: int


def agreements(rows: Iterable[Predicted]) -> Agreements:
    """The figures over all rows, and for each category."""
    pooled: list[Pair] = []
    by_category: dict[str, list[Pair]] = {}
    ungraded = 0
    for row in rows:
        if row.prediction is None:
            ungraded += 1
            continue
        pairs = [(row.prediction, label) for label in row.labels]
        pooled += pairs
        by_category.setdefault(row.category, []).extend(pairs)
    metrics = _figures(pooled)
    for category, pairs in by_category.items():
        metrics |= {f"{category}: {name}": value for name, value in _figures(pairs).items()}
    return Agreements(metrics=metrics, ungraded=ungraded)


def _figures(pairs: Sequence[Pair]) -> dict[str, float]:
    found: dict[str, float] = {}
    for sign, value in SIGNS.items():
        right = [said == label for said, label in pairs if said == value]
        told = [said == label for said, label in pairs if label == value]
        if right:
            found[f"precision_{sign}"] = sum(right) / len(right)
        if told:
            found[f"recall_{sign}"] = sum(told) / len(told)
        if right and told:
            found[f"f1_{sign}"] = _harmonic(found[f"precision_{sign}"], found[f"recall_{sign}"])
    for kind in ("f1", "precision", "recall"):
        if both := _both(found, kind):
            found[f"{kind}_balanced"] = sum(both) / 2
    first = {name: found[name] for name in ("f1_balanced",) if name in found}
    return {f"{PREFIX}{name}": value for name, value in (first | found).items()}


def _both(found: dict[str, float], kind: str) -> list[float]:
    values = [found[name] for sign in SIGNS if (name := f"{kind}_{sign}") in found]
    return values if len(values) == len(SIGNS) else []


def _harmonic(precision: float, recall: float) -> float:
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0
