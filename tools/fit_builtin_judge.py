"""Fits the built-in judge's head to the library's own example answers and writes it down.

    python tools/fit_builtin_judge.py

A triple is (question, answer, criterion, met or not). The answers are each principle's passing and
failing example, and answers joined from the sentences of three principles; the criteria are
those of the principles in the answer and of others. No benchmark data is read. Prints six-fold
cross-validated figures, the folds split by principle.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.embedding import MemoEmbedder, OnnxEmbedder
from principle_store.loading import load_library, load_taxonomy
from principle_store.types import Principle
from rubrics.evidence import FIGURES, Claim, Passages, evidence

TARGET = Path(__file__).parent.parent / "rubrics" / "builtin_head.json"
FOLDS = 6
RIDGE = 3.0
UNMET_UP_TO, MET_FROM = 0.4, 0.6
Triple = tuple[str, str, str, bool]


def triples_of(position: int, library: tuple[Principle, ...]) -> Iterator[Triple]:
    principle = library[position]
    question, examples = principle.asked_as[0], principle.examples
    harmful = [one for one in principle.criteria if one.points < 0]
    for one in principle.criteria:
        yield question, examples.passing, one.criterion, one.points > 0
        if one.points > 0 or one is harmful[0]:
            yield question, examples.failing, one.criterion, one.points < 0
    chance = random.Random(principle.id)
    others = chance.sample([one for one in library if one is not principle], 4)
    joined = " ".join(text for one in (principle, *others[:2]) for text in one.sayings())
    for one in principle.criteria:
        yield question, joined, one.criterion, one.points > 0
    for other in others[2:]:
        for one in other.criteria:
            yield question, joined, one.criterion, False
    for one in others[3].criteria:
        yield question, examples.passing, one.criterion, False


def fit(figures: NDArray[np.float64], met: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Ridge-penalised logistic regression by Newton's method."""
    mean, scale = figures.mean(0), figures.std(0) + 1e-6
    inputs = np.hstack([(figures - mean) / scale, np.ones((len(figures), 1))])
    penalty = np.append(np.full(figures.shape[1], RIDGE), 1e-6)
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (probability - met) + penalty * weights
        curve = (inputs * (probability * (1 - probability))[:, None]).T @ inputs
        weights -= np.linalg.solve(curve + np.diag(penalty), slope)
    return {"mean": mean, "scale": scale, "weights": weights}


def predict(
    head: dict[str, NDArray[np.float64]], figures: NDArray[np.float64]
) -> NDArray[np.float64]:
    scaled = (figures - head["mean"]) / head["scale"]
    result: NDArray[np.float64] = 1 / (
        1 + np.exp(-(scaled @ head["weights"][:-1] + head["weights"][-1]))
    )
    return result


def balanced_f1(met: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    shares = []
    for value in (True, False):
        right = ((said == value) & (met == value)).sum()
        shares.append(2 * right / max(1, (said == value).sum() + (met == value).sum()))
    return float(np.mean(shares))


def main() -> None:
    embedder = MemoEmbedder(OnnxEmbedder())
    library = load_library(load_taxonomy()).principles
    rows, met, owner = [], [], []
    for position in range(len(library)):
        for question, answer, criterion, is_met in triples_of(position, library):
            claim = Claim(criterion, question)
            vector = embedder.embed([claim.text])[0]
            rows.append(evidence(claim, Passages(answer, embedder), vector)[0])
            met.append(float(is_met))
            owner.append(position)
    figures, labels, fold = np.array(rows), np.array(met), np.array(owner) % FOLDS
    said = np.zeros(len(labels))
    for held_out in range(FOLDS):
        test = fold == held_out
        said[test] = predict(fit(figures[~test], labels[~test]), figures[test])
    answered = (said >= MET_FROM) | (said <= UNMET_UP_TO)
    agreed = balanced_f1(labels[answered] > 0, said[answered] >= MET_FROM)
    print(f"{len(labels)} triples, {labels.mean():.0%} met")
    print(f"cross-validated: balanced F1 {agreed:.3f}, answering {answered.mean():.0%}")
    head = {
        name: [round(float(x), 4) for x in values] for name, values in fit(figures, labels).items()
    }
    *weights, bias = head.pop("weights")
    written = {"figures": list(FIGURES), **head, "weights": weights, "bias": bias}
    written |= {"unmet_up_to": UNMET_UP_TO, "met_from": MET_FROM}
    TARGET.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
