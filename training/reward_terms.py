"""What a reward is made of beside verdicts: its scale, and what length and form take away. Pure."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from inference.words import Word
from rubrics.scoring import score
from rubrics.types import Rubric, Verdict

Scale = Literal[
    "unclipped",  # earned over possible points: at most 1, below 0 where harm is done
    "clipped",  # the same, never below 0
    "scaled",  # 0 for the worst that the rubric knows, 1 for the best
]


class Overlong(Word):
    """A penalty that grows with the tokens beyond a length."""

    free: int = Field(ge=1)
    """Tokens up to which there is none."""
    most: int = Field(ge=2)
    """Tokens from which on it is whole."""
    penalty: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.most <= self.free:
            raise ValueError("`most` above `free`")
        return self

    def of(self, tokens: int) -> float:
        """What a completion of this length loses.

        Source: DAPO (arXiv 2503.14476), soft overlong punishment.
        """
        over = (tokens - self.free) / (self.most - self.free)
        return self.penalty * min(1.0, max(0.0, over))


class Terms(Word):
    """How verdicts become a reward."""

    scale: Scale = "unclipped"
    least_coverage: float = Field(default=1.0, gt=0, le=1)
    """Judged share of the criteria; below it there is no reward."""
    overlong: Overlong | None = None
    group_length: float = Field(default=0.0, ge=0)
    """Weight of being shorter than the other completions of the question."""
    unfinished: float = Field(default=0.0, ge=0)
    """Taken from a completion that a limit cut."""

    @property
    def looks_at_groups(self) -> bool:
        return self.group_length > 0


def share(rubric: Rubric, verdicts: Sequence[Verdict], terms: Terms) -> tuple[float | None, float]:
    """The share of points on the wanted scale, None below the coverage; and the coverage."""
    added = score(rubric, verdicts, partial=True)
    if added.coverage < terms.least_coverage or added.fraction is None:
        return None, added.coverage
    if terms.scale == "clipped":
        return max(0.0, added.fraction), added.coverage
    if terms.scale == "scaled":
        judged = {one.criterion_id for one in verdicts if one.verdict in ("MET", "UNMET")}
        worst = sum(min(0, one.points) for one in rubric.criteria if one.id in judged)
        return (added.earned - worst) / (added.possible - worst), added.coverage
    return added.fraction, added.coverage


def group_lengths(tokens: Sequence[int], shares: Sequence[float | None]) -> list[float]:
    """What each completion of one question gains or loses by its length, -0.5 to 0.5.

    The shortest gains most, the longest loses most; one that is worse than the mean never gains,
    so that a short empty answer is no way out.

    Args:
        tokens: of each completion.
        shares: of points; None where there is none.

    Source: Kimi k1.5 (arXiv 2501.12599), length reward; "correct" is "not below the mean".
    """
    known = [one for one in shares if one is not None]
    shortest, longest = min(tokens), max(tokens)
    if shortest == longest or not known:
        return [0.0] * len(tokens)
    mean = sum(known) / len(known)
    gained = []
    for length, earned in zip(tokens, shares, strict=True):
        gain = 0.5 - (length - shortest) / (longest - shortest)
        gained.append(gain if earned is not None and earned >= mean else min(0.0, gain))
    return gained
