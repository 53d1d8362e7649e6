"""Fits the built-in judge's head to this project's own examples and writes it down.

    python tools/fit_builtin_judge.py [--try]

Two kinds of example: the labelled pairs of `tools/judge_examples` (one criterion, two answers of
equal length, one of them meets it), and the library's own (each principle's passing and failing
example, and answers joined from the sentences of three principles). The pairs teach to tell two
answers apart, both kinds where to draw the line. No benchmark data is read.

Prints figures cross-validated by thirds, folds split by pair and by principle. `--try` prints them
for several weights and writes nothing.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.embedding import MemoEmbedder, OnnxEmbedder
from principle_store.loading import load_library, load_taxonomy
from principle_store.types import Principle
from rubrics.builtin_judge import LEAST_WORDS
from rubrics.evidence import Claim, Passages, figures_of, tone_of
from tools.judge_pairs import load_pairs

TARGET = Path(__file__).parent.parent / "rubrics" / "builtin_head.json"
FOLDS, SHUFFLES = 3, 4
DIRECTIONS = 12  # of each half of a tone
UNMET_UP_TO, MET_FROM = 0.4, 0.6

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """What each kind of example counts."""

    pair: float = 1.0
    """Telling the two answers of a pair apart."""
    answer: float = 0.1
    """Each answer of a pair by itself."""
    library: float = 0.1
    ridge: float = 20.0


@dataclass(frozen=True)
class Examples:
    """Figures and tones, by pair and answer (met first), and of the library's triples.

    A tone is the answer's vector and the mean of its sentences' vectors, with the sign of the
    criterion's points: what makes an answer harmful makes another one good.
    """

    names: tuple[str, ...]
    pairs: Array
    pair_tones: Array
    kinds: NDArray[np.str_]
    triples: Array
    triple_tones: Array
    is_met: Array
    owners: NDArray[np.int64]

    def without(self, pairs: NDArray[np.bool_], triples: NDArray[np.bool_]) -> "Examples":
        return Examples(
            names=self.names,
            pairs=self.pairs[~pairs],
            pair_tones=self.pair_tones[~pairs],
            kinds=self.kinds[~pairs],
            triples=self.triples[~triples],
            triple_tones=self.triple_tones[~triples],
            is_met=self.is_met[~triples],
            owners=self.owners[~triples],
        )


@dataclass(frozen=True)
class Head:
    mean: Array
    scale: Array
    weights: Array
    tone: Array
    bias: float

    def probability(self, figures: Array, tones: Array) -> Array:
        plain = ((figures - self.mean) / self.scale) @ self.weights + self.bias
        found: Array = 1 / (1 + np.exp(-(plain + tones @ self.tone)))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--try", action="store_true", dest="tries")
    examples = measured_examples(MemoEmbedder(OnnxEmbedder(), size=100_000))
    if parser.parse_args().tries:
        for answer in (0.0, 0.3, 1.0):
            for library in (0.02, 0.05, 0.1, 0.3):
                for ridge in (10.0, 60.0):
                    weights = Weights(answer=answer, library=library, ridge=ridge)
                    print(weights, cross_validated(examples, weights))
        return
    weights = Weights()
    print(f"{len(examples.pairs)} pairs, {len(examples.triples)} triples of the library")
    print(cross_validated(examples, weights))
    head = fitted(examples, weights)
    written = {
        "figures": list(examples.names),
        "mean": _rounded(head.mean),
        "scale": _rounded(head.scale),
        "weights": _rounded(head.weights),
        "tone": _rounded(head.tone),
        "bias": round(head.bias, 4),
        "unmet_up_to": UNMET_UP_TO,
        "met_from": MET_FROM,
    }
    TARGET.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def measured_examples(embedder: MemoEmbedder) -> Examples:
    pairs = [pair for pair in load_pairs() if pair.language == "en"]
    library = load_library(load_taxonomy()).principles
    triples = [
        (position, *triple)
        for position in range(len(library))
        for triple in triples_of(position, library)
    ]
    by_pair = [
        [_shown(pair.question, answer, pair.criterion, pair.points < 0, embedder)
         for answer, _ in pair.answers()]
        for pair in pairs
    ]  # fmt: skip
    by_triple = [
        _shown(question, answer, criterion, harmful, embedder)
        for _, question, answer, criterion, harmful, _ in triples
    ]
    names = tuple(by_triple[0][0])
    return Examples(
        names=names,
        pairs=np.array([[list(one[0].values()) for one in both] for both in by_pair]),
        pair_tones=np.array([[one[1] for one in both] for both in by_pair], dtype=np.float64),
        kinds=np.array([pair.kind for pair in pairs]),
        triples=np.array([list(one[0].values()) for one in by_triple]),
        triple_tones=np.array([one[1] for one in by_triple], dtype=np.float64),
        is_met=np.array([float(triple[-1]) for triple in triples]),
        owners=np.array([triple[0] for triple in triples]),
    )


def triples_of(
    position: int, library: Sequence[Principle]
) -> Iterator[tuple[str, str, str, bool, bool]]:
    """Question, answer, criterion, whether it is harmful, whether it is met."""
    principle = library[position]
    assert principle.examples is not None
    question = principle.asked_as[0]
    passing, failing = principle.examples.passing, principle.examples.failing
    harmful = [one for one in principle.criteria if one.points < 0]
    for one in principle.criteria:
        bad = one.points < 0
        yield question, passing, one.criterion, bad, not bad
        if not bad or one is harmful[0]:
            yield question, failing, one.criterion, bad, bad
    chance = random.Random(principle.id)
    others = chance.sample([one for one in library if one is not principle], 4)
    joined = " ".join(text for one in (principle, *others[:2]) for text in one.sayings())
    for one in principle.criteria:
        yield question, joined, one.criterion, one.points < 0, one.points > 0
    for other in others[2:]:
        for one in other.criteria:
            yield question, joined, one.criterion, one.points < 0, False
    for one in others[3].criteria:
        yield question, passing, one.criterion, one.points < 0, False


def fitted(examples: Examples, weights: Weights) -> Head:
    """A logistic regression over answers and over differences of answers, with a ridge penalty."""
    basis = _main_directions(examples.pair_tones)
    both = examples.pairs.reshape(-1, len(examples.names))
    mean, scale = both.mean(0), both.std(0) + 1e-6
    spread = (examples.pair_tones.reshape(-1, len(basis)) @ basis).std(0)

    def inputs_of(figures: Array, tones: Array) -> Array:
        return np.hstack([(figures - mean) / scale, tones @ basis / spread])

    met, unmet = (inputs_of(examples.pairs[:, k], examples.pair_tones[:, k]) for k in (0, 1))
    triples = inputs_of(examples.triples, examples.triple_tones)
    blocks = [
        (met - unmet, 0.0, np.ones(len(met)), weights.pair),
        (met, 1.0, np.ones(len(met)), weights.answer),
        (unmet, 1.0, np.zeros(len(met)), weights.answer),
        (triples, 1.0, examples.is_met, weights.library),
    ]
    inputs = np.vstack([np.hstack([x, np.full((len(x), 1), one)]) for x, one, _, _ in blocks])
    wanted = np.concatenate([y for _, _, y, _ in blocks])
    counts = np.concatenate([np.full(len(x), weight) for x, _, _, weight in blocks])
    *found, bias = _newton(inputs, wanted, counts, weights.ridge)
    plain, tone = np.array(found[: len(mean)]), np.array(found[len(mean) :])
    return Head(mean, scale, plain, basis @ (tone / spread), float(bias))


def _main_directions(tones: Array) -> Array:
    """The directions in which answers differ most, of each half: shape (768, 2 x DIRECTIONS)."""
    whole, mean = np.split(tones.reshape(-1, tones.shape[-1]), 2, axis=1)
    found = [np.linalg.svd(half, full_matrices=False)[2] for half in (whole, mean)]
    size = whole.shape[1]
    basis = np.zeros((2 * size, 2 * DIRECTIONS))
    basis[:size, :DIRECTIONS] = found[0][:DIRECTIONS].T
    basis[size:, DIRECTIONS:] = found[1][:DIRECTIONS].T
    return basis


def _newton(inputs: Array, wanted: Array, counts: Array, ridge: float) -> Array:
    penalty = np.append(np.full(inputs.shape[1] - 1, ridge), 1e-6)
    weights: Array = np.zeros(inputs.shape[1])
    for _ in range(40):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (counts * (probability - wanted)) + penalty * weights
        curve = (inputs * (counts * probability * (1 - probability))[:, None]).T @ inputs
        weights = weights - np.linalg.solve(curve + np.diag(penalty), slope)
    return weights


def cross_validated(examples: Examples, weights: Weights) -> str:
    """How held-out thirds fare, over several ways to split."""
    right: list[NDArray[np.bool_]] = []
    kinds: list[NDArray[np.str_]] = []
    by_answer: list[tuple[Array, Array, Array]] = []
    by_triple: list[tuple[Array, Array, Array]] = []
    words = examples.names.index("new_words_near")
    for shuffle in range(SHUFFLES):
        chance = np.random.default_rng(shuffle)
        pair_fold = chance.permutation(len(examples.pairs)) % FOLDS
        owner_fold = (chance.permutation(examples.owners.max() + 1) % FOLDS)[examples.owners]
        for fold in range(FOLDS):
            held, held_triples = pair_fold == fold, owner_fold == fold
            head = fitted(examples.without(held, held_triples), weights)
            met, unmet = (
                head.probability(examples.pairs[held, one], examples.pair_tones[held, one])
                for one in (0, 1)
            )
            right.append(met > unmet)
            kinds.append(examples.kinds[held])
            for said, is_met, place in ((met, 1.0, 0), (unmet, 0.0, 1)):
                shown = examples.pairs[held, place, words]
                by_answer.append((said, np.full(len(said), is_met), shown))
            triples, tones = examples.triples[held_triples], examples.triple_tones[held_triples]
            said, is_met = head.probability(triples, tones), examples.is_met[held_triples]
            by_triple.append((said, is_met, triples[:, words]))
    told, kind = np.concatenate(right), np.concatenate(kinds)
    each = ", ".join(f"{name} {told[kind == name].mean():.2f}" for name in sorted(set(kind)))
    return (
        f"pairs told apart {told.mean():.3f} ({each}); answers of pairs {_banded(by_answer)}; "
        f"library {_banded(by_triple)}"
    )


def _banded(found: Sequence[tuple[Array, Array, Array]]) -> str:
    """Agreement of the verdicts that the judge would give, harm counted as anything else."""
    said, is_met, words = (np.concatenate(parts) for parts in zip(*found, strict=True))
    met = (said >= MET_FROM) & (words >= LEAST_WORDS)
    answered = met | (said <= UNMET_UP_TO)
    agreed = balanced_f1(is_met[answered] > 0, met[answered])
    return f"balanced F1 {agreed:.3f} answering {answered.mean():.0%}"


def balanced_f1(met: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    shares = []
    for value in (True, False):
        right = ((said == value) & (met == value)).sum()
        shares.append(2 * right / max(1, (said == value).sum() + (met == value).sum()))
    return float(np.mean(shares))


def _shown(
    question: str, answer: str, criterion: str, harmful: bool, embedder: MemoEmbedder
) -> tuple[dict[str, float], Array]:
    claim, passages = Claim(criterion, question), Passages(answer, embedder)
    vector, asked = embedder.embed([claim.text, question])
    figures, _ = figures_of(claim, passages, vector, asked, harmful)
    return figures, tone_of(passages, harmful)


def _rounded(values: Array) -> list[float]:
    return [round(float(value), 4) for value in values]


if __name__ == "__main__":
    main()
