"""What can be said of a batch of rewards in numbers, for logs and plots. Pure."""

from collections.abc import Iterable, Sequence
from statistics import StatisticsError, correlation, fmean

from rubrics.scoring import JUDGED, score
from rubrics.types import Rubric
from training.reward import Rewarded, Sample
from training.reward_terms import Terms, share


def figures(samples: Sequence[Sample], rewarded: Sequence[Rewarded]) -> dict[str, float]:
    """Means over a batch, by the name under which trackers show them.

    `reward/length_correlation` is Pearson's, of tokens and share of points: near 1 it says that
    the judge likes length. Figures that cannot be had are absent.
    """
    shares = [one.share for one in rewarded if one.share is not None]
    found = {
        "reward/ungraded": sum(one.share is None for one in rewarded) / len(rewarded),
        "reward/coverage": fmean(one.coverage for one in rewarded),
    }
    if shares:
        found["reward/share"] = fmean(shares)
    if (related := _length_correlation(samples, rewarded)) is not None:
        found["reward/length_correlation"] = related
    return found | {f"reward/{tag}": mean for tag, mean in by_tag(rewarded).items()}


def by_tag(rewarded: Iterable[Rewarded], prefix: str = "axis:") -> dict[str, float]:
    """Mean share of points by tag, of the completions where it has one."""
    said: dict[str, list[float]] = {}
    for one in rewarded:
        if one.share is None or not one.verdicts:
            continue
        for tag, value in score(one.rubric, one.verdicts, partial=True).tags.items():
            if tag.startswith(prefix) and value is not None:
                said.setdefault(tag, []).append(value)
    return {tag: fmean(values) for tag, values in sorted(said.items())}


def by_criterion(rewarded: Iterable[Rewarded]) -> dict[str, tuple[int, int]]:
    """Criterion id -> how often it was met, and how often judged; of one question's completions."""
    said: dict[str, tuple[int, int]] = {}
    for one in rewarded:
        for verdict in one.verdicts:
            if verdict.verdict in JUDGED:
                met, judged = said.get(verdict.criterion_id, (0, 0))
                said[verdict.criterion_id] = met + (verdict.verdict == "MET"), judged + 1
    return said


def share_by(found: Rewarded, rubric: Rubric) -> float | None:
    """The share of points by the criteria of a smaller rubric alone."""
    ids = {one.id for one in rubric.criteria}
    verdicts = [one for one in found.verdicts if one.criterion_id in ids]
    return share(rubric, verdicts, Terms(least_coverage=1e-9))[0]


def _length_correlation(samples: Sequence[Sample], rewarded: Sequence[Rewarded]) -> float | None:
    pairs = [
        (float(sample.tokens), one.share)
        for sample, one in zip(samples, rewarded, strict=True)
        if one.share is not None
    ]
    try:
        return correlation([tokens for tokens, _ in pairs], [earned for _, earned in pairs])
    except StatisticsError:
        return None  # fewer than two, or all of one length or one share
