"""What a verifier is worth on held-out questions, beside what knows nothing of the answer."""

import math
from collections.abc import Sequence

from rubrics.agreement import agreement, area_under_curve, balanced_accuracy
from rubrics.counting import words_in
from rubrics.verifier_card import Figures, HeldOut, Line
from training.logistic import fitted
from training.verifier_data import Example, Parts, questions_in

SURE = 0.7  # the chance from which on a verdict is given
MARGIN = 0.05  # of AUC, above the better of the two baselines
FEW = 30  # held-out questions, below which figures say little


def figures_of(chances: Sequence[float], labels: Sequence[bool]) -> Figures:
    """The figures of chances, with the verdict MET above one half."""
    said = [one > 0.5 for one in chances]
    return Figures(
        balanced_accuracy=balanced_accuracy(list(zip(said, labels, strict=True))),
        balanced_f1=agreement(said, [(one,) for one in labels]).f1_balanced,
        auc=area_under_curve(chances, labels),
    )


def held_out_figures(
    parts: Parts, chances: Sequence[float], blind_chances: Sequence[float]
) -> HeldOut:
    """The verifier beside its baselines.

    Args:
        parts: of the examples; length is learnt where the weights are.
        chances: of the held-out examples, by the verifier.
        blind_chances: the same by the encoder that saw no answer.
    """
    labels = [one.met for one in parts.held_out]
    decided = [place for place, one in enumerate(chances) if not 1 - SURE < one < SURE]
    by_length = fitted(
        [_length(one) for one in parts.training], [one.met for one in parts.training]
    )
    commoner = sum(one.met for one in parts.training) * 2 >= len(parts.training)
    return HeldOut(
        questions=len(questions_in(parts.held_out)),
        examples=len(labels),
        verifier=figures_of(chances, labels),
        decided=len(decided) / len(labels),
        where_decided=figures_of(
            [chances[place] for place in decided], [labels[place] for place in decided]
        ),
        no_answer=figures_of(blind_chances, labels),
        length=figures_of([by_length.chance(_length(one)) for one in parts.held_out], labels),
        majority=figures_of([float(commoner)] * len(labels), labels),
    )


def chances_by(line: Line, logits: Sequence[float]) -> list[float]:
    return [line.chance(one) for one in logits]


def in_words(held: HeldOut) -> str:
    """Whether the verifier knows more than its baselines do."""
    baselines = {
        "the no-answer baseline": held.no_answer.auc,
        "the length baseline": held.length.auc,
    }
    ahead = {
        name: (held.verifier.auc or 0.0) - auc for name, auc in baselines.items() if auc is not None
    }
    near = [f"{name} ({lead:+.3f})" for name, lead in ahead.items() if lead < MARGIN]
    if near:
        told = (
            f"Its AUC is not {MARGIN:g} above {' and '.join(near)}: it may know little of what "
            "answers say. Do not reward with it."
        )
    else:
        told = f"Its AUC is {min(ahead.values()):.3f} above the better baseline."
    few = f" Only {held.questions} held-out questions: take the figures as a hint."
    return told + (few if held.questions < FEW else "")


def _length(example: Example) -> float:
    return math.log1p(words_in(example.answer))
