"""How far verdicts agree with labels that people gave. Pure arithmetic; asks nobody."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from pydantic import Field

from inference.messages import Conversation, Message
from inference.words import Word
from rubrics.types import Criterion, Points, Text

Pair = tuple[bool, bool]
"""What the judge said, what a person said."""


class Labelled(Word):
    """One criterion of one answer with what physicians said of it."""

    prompt: tuple[Message, ...]
    completion: Text
    criterion: Text
    labels: tuple[bool, ...] = Field(min_length=1)
    """Whether the criterion is met, one a physician."""
    points: Points = 1
    category: str = ""

    def asked(self) -> Conversation:
        return Conversation(messages=self.prompt)

    def as_criterion(self) -> Criterion:
        return Criterion(id="c1", criterion=self.criterion, points=self.points)


class Rate(Word):
    """How one kind of criterion fares. None where there is nothing to divide by."""

    n: int
    precision: float | None
    """Of its MET verdicts, the share that a physician shares."""
    recall: float | None
    """Of the physicians' met labels, the share that it finds."""


class Agreement(Word):
    """Pairwise figures: each label of each answered row counts once. None where undefined."""

    f1_positive: float | None
    f1_negative: float | None
    f1_balanced: float | None
    kappa: float | None
    n: int
    """Pairs of a verdict and a label."""
    ungraded: int
    """Rows without a verdict of MET or UNMET; they are in no figure."""


def agreement(verdicts: Sequence[bool | None], labels: Sequence[Sequence[bool]]) -> Agreement:
    """The agreement of verdicts (None: ungraded) with each person's labels.

    Source: HealthBench's meta-evaluation, rules of its reference code.
    """
    pairs = pairs_of(verdicts, labels)
    both = positive, negative = f1(pairs, True), f1(pairs, False)
    defined = [one for one in both if one is not None]
    return Agreement(
        f1_positive=positive,
        f1_negative=negative,
        f1_balanced=sum(defined) / 2 if len(defined) == 2 else None,
        kappa=kappa(pairs),
        n=len(pairs),
        ungraded=sum(one is None for one in verdicts),
    )


def among_people(labels: Sequence[Sequence[bool]]) -> Agreement | None:
    """The same among the people themselves: each against each; None where nobody has a peer."""
    pairs = [pair for row in labels for pair in combinations(row, 2)]
    if not pairs:
        return None
    both_ways = [*pairs, *((other, one) for one, other in pairs)]
    found = agreement([one for one, _ in both_ways], [[other] for _, other in both_ways])
    return found.model_copy(update={"n": len(pairs)})


def rate(verdicts: Sequence[bool | None], labels: Sequence[Sequence[bool]]) -> Rate:
    pairs = pairs_of(verdicts, labels)
    right = sum(said and label for said, label in pairs)
    said, labelled = sum(said for said, _ in pairs), sum(label for _, label in pairs)
    return Rate(
        n=len(pairs),
        precision=right / said if said else None,
        recall=right / labelled if labelled else None,
    )


def pairs_of(verdicts: Sequence[bool | None], labels: Sequence[Sequence[bool]]) -> list[Pair]:
    return [
        (said, label)
        for said, row in zip(verdicts, labels, strict=True)
        if said is not None
        for label in row
    ]


def f1(pairs: Iterable[Pair], value: bool) -> float | None:
    """Of one value: the harmonic mean of precision and recall; None if neither side gave it."""
    counts = Counter((said == value, label == value) for said, label in pairs)
    one_sided = counts[True, False] + counts[False, True]
    total = 2 * counts[True, True] + one_sided
    return 2 * counts[True, True] / total if total else None


def balanced_accuracy(pairs: Sequence[Pair]) -> float | None:
    """The mean of the shares of met and of unmet labels that were told; None where one is absent.

    One half for whoever says the same of everything, or throws a coin.

    Source: Brodersen et al., The balanced accuracy and its posterior distribution, 2010.
    """
    told: dict[bool, list[bool]] = {True: [], False: []}
    for said, label in pairs:
        told[label].append(said == label)
    if not (told[True] and told[False]):
        return None
    return sum(sum(right) / len(right) for right in told.values()) / 2


def area_under_curve(figures: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The chance that a met one has the higher figure than an unmet one; ties count half.

    None where all labels are the same. One half is no better than chance.

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982: the rank
    sum of Wilcoxon, Mann and Whitney.
    """
    met = [one for one, label in zip(figures, labels, strict=True) if label]
    unmet = sorted(one for one, label in zip(figures, labels, strict=True) if not label)
    if not (met and unmet):
        return None
    below = sum(bisect_left(unmet, one) + bisect_right(unmet, one) for one in met) / 2
    return below / (len(met) * len(unmet))


def kappa(pairs: Sequence[Pair]) -> float | None:
    """Cohen's kappa, agreement beyond chance; None where chance alone would agree always.

    Source: Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    if not pairs:
        return None
    observed = sum(said == label for said, label in pairs) / len(pairs)
    said, label = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    expected = said * label + (1 - said) * (1 - label)
    return (observed - expected) / (1 - expected) if expected < 1 else None
