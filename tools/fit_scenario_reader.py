"""Learns the built-in scenario reader from the project's examples and writes it down.

    python tools/fit_scenario_reader.py

Prints five-fold cross-validated macro-F1 and accuracy, and the mean confidence beside them. No
benchmark data is read.
"""

from pathlib import Path

import numpy as np

from inference.embedding import MemoEmbedder, OnnxEmbedder
from principle_store.loading import load_taxonomy
from rubrics.glossary import load_glossaries
from rubrics.scenario import SHARPNESS
from rubrics.scenario_learning import fitted, learned, load_examples
from rubrics.taxonomy import Taxonomy

TARGET = Path(__file__).parent.parent / "rubrics" / "scenario_reader.npz"
FOLDS = 5


def cross_validated(taxonomy: Taxonomy, embedder: MemoEmbedder) -> None:
    glossaries = load_glossaries()
    examples = load_examples(taxonomy)
    texts = [
        glossaries.english(one.question, glossaries.language(one.question)) for one in examples
    ]
    vectors = embedder.embed(texts)
    rows = np.random.default_rng(0).permutation(len(texts))
    said: dict[str, list[tuple[str, str, float]]] = {name: [] for name in taxonomy.names()}
    for held in np.array_split(rows, FOLDS):
        used = np.setdiff1d(rows, held)
        fold = fitted(
            [texts[row] for row in used],
            vectors[used],
            [examples[row].labels for row in used],
            taxonomy,
        )
        for row in held:
            figures = fold.figures(texts[row], vectors[row : row + 1])
            for name, truth in examples[row].labels.items():
                shares = np.exp(SHARPNESS * (figures[name] - figures[name].max()))
                value = list(taxonomy[name].values)[int(shares.argmax())]
                said[name].append((truth, value, float(shares.max() / shares.sum())))
    for name, rows_said in said.items():
        right = [truth == value for truth, value, _ in rows_said]
        confidence = np.mean([sure for *_, sure in rows_said])
        print(
            f"{name:12} n {len(rows_said):4}  macro-F1 {_macro_f1(rows_said):.3f}  "
            f"right {np.mean(right):.3f}  mean confidence {confidence:.3f}"
        )


def _macro_f1(said: list[tuple[str, str, float]]) -> float:
    scores = []
    for value in {truth for truth, *_ in said}:
        right = sum(truth == other == value for truth, other, _ in said)
        wrong = sum((truth == value) != (other == value) for truth, other, _ in said)
        scores.append(2 * right / (2 * right + wrong))
    return float(np.mean(scores))


def main() -> None:
    model, taxonomy = OnnxEmbedder(), load_taxonomy()
    embedder = MemoEmbedder(model)
    cross_validated(taxonomy, embedder)
    TARGET.write_bytes(learned(taxonomy, load_glossaries(), embedder).as_bytes(model.id))
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
