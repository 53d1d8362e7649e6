"""A logistic regression on one figure, both kinds of label weighing the same."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rubrics.verifier_card import Line

STEPS = 50
RIDGE = 1e-3  # keeps figures that part the labels without fault from an endless slope


def fitted(figures: Sequence[float], labels: Sequence[bool], rising: bool = False) -> Line:
    """The likeliest line, by Newton's method.

    Args:
        figures: one a label.
        labels: of both kinds.
        rising: a higher figure cannot make a label less likely; a line that would fall is level.

    Source: Platt, Probabilistic outputs for support vector machines, 1999, without its smoothing.
    """
    wanted = np.array(labels, dtype=float)
    raw = np.array(figures, dtype=float)
    mean, scale = float(raw.mean()), float(raw.std()) or 1.0
    inputs = np.stack([(raw - mean) / scale, np.ones(len(raw))], axis=1)
    counts = np.where(wanted > 0, 0.5 / wanted.mean(), 0.5 / (1 - wanted.mean())) / len(raw)
    slope, offset = _newton(inputs, wanted, counts)
    if rising and slope <= 0:
        return Line(slope=0.0, offset=0.0)
    return Line(slope=slope / scale, offset=offset - slope * mean / scale)


def _newton(
    inputs: NDArray[np.float64], wanted: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[float, float]:
    weights, penalty = np.zeros(2), np.array([RIDGE, RIDGE * 1e-3])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        down = inputs.T @ (counts * (chance - wanted)) + penalty * weights
        curve = (inputs * (counts * chance * (1 - chance))[:, None]).T @ inputs
        weights = weights - np.linalg.solve(curve + np.diag(penalty), down)
    return float(weights[0]), float(weights[1])
