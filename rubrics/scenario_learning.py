"""Learns from this project's example questions how to read a scenario.

For each dimension a ridge regression over a question's vector, form and wording gives every value a
figure; the largest one names the value. For the bundled embedder the outcome is kept in
`scenario_reader.npz` (`tools/fit_scenario_reader.py`); another embedder learns when it starts.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.embedding import TextVectors, Vectors
from inference.words import Word, read
from rubrics.form import form_of
from rubrics.glossary import Glossaries
from rubrics.taxonomy import Taxonomy
from rubrics.wordings import Wordings
from rubrics.yaml_text import parsed

Figures = NDArray[np.float64]
KEPT = files("rubrics") / "scenario_reader.npz"
RIDGE = 1.0  # this and the next two chosen by five-fold cross-validation over the examples
FORM_WEIGHT = 0.2  # of a question's form beside its vector, whose length is 1
WORDING_WEIGHT = 1.0  # of its words and phrases


class Example(Word):
    """A question written for this project."""

    question: str
    labels: dict[str, str]
    """Its value in each dimension that it is an example of."""


@dataclass(frozen=True)
class Learned:
    """Which phrases count, how to scale a form, and for each dimension the weights."""

    wordings: Wordings
    mean: Figures
    scale: Figures
    weights: Mapping[str, Figures]
    """Of shape (inputs, values)."""

    def figures(self, text: str, vector: Vectors) -> Mapping[str, Figures]:
        """For each dimension a figure for each value.

        Args:
            text: the question in English.
            vector: its vector, of shape (1, dimensions).
        """
        (inputs,) = self.inputs([text], vector)
        return {name: inputs @ weights for name, weights in self.weights.items()}

    def inputs(self, texts: Sequence[str], vectors: Vectors) -> Figures:
        forms = FORM_WEIGHT * (np.stack(list(map(form_of, texts))) - self.mean) / self.scale
        wordings = WORDING_WEIGHT * self.wordings.figures(texts)
        return np.hstack([vectors, forms, wordings, np.ones((len(texts), 1))])

    def as_bytes(self, embedder_id: str) -> bytes:
        """The file that `kept` reads."""
        file = io.BytesIO()
        named = {f"weights of {name}": weights for name, weights in self.weights.items()}
        words = json.dumps([embedder_id, self.wordings.phrases])
        figures = {"rarity": self.wordings.rarity, "mean": self.mean, "scale": self.scale} | named
        small: dict[str, Any] = {name: array.astype(np.float32) for name, array in figures.items()}
        np.savez_compressed(file, words=np.array(words), **small)
        return file.getvalue()


def kept(embedder_id: str) -> Learned | None:
    """What was learned with this embedder, if it is the one the kept file was made with."""
    with np.load(io.BytesIO(KEPT.read_bytes()), allow_pickle=False) as file:
        made_with, phrases = json.loads(str(file["words"]))
        if made_with != embedder_id:
            return None
        named = {name.split(" of ")[1]: file[name] for name in file.files if " of " in name}
        wordings = Wordings(phrases, file["rarity"])
        return Learned(wordings, file["mean"], file["scale"], named)


def learned(taxonomy: Taxonomy, glossaries: Glossaries, texts: TextVectors) -> Learned:
    """Learn from the examples, which takes some seconds."""
    examples = load_examples(taxonomy)
    english = [
        glossaries.english(one.question, glossaries.language(one.question)) for one in examples
    ]
    return fitted(english, texts.embed(english), [one.labels for one in examples], taxonomy)


def fitted(
    texts: Sequence[str], vectors: Vectors, labels: Sequence[Mapping[str, str]], taxonomy: Taxonomy
) -> Learned:
    """Learn from these texts."""
    forms = np.stack(list(map(form_of, texts)))
    blank = Learned(Wordings.of(texts), forms.mean(0), forms.std(0) + 1e-6, {})
    inputs = blank.inputs(texts, vectors)
    weights = {}
    for name in taxonomy.names():
        rows = [row for row, known in enumerate(labels) if name in known]
        values = [labels[row][name] for row in rows]
        weights[name] = _ridge(inputs[rows], values, list(taxonomy[name].values))
    return Learned(blank.wordings, blank.mean, blank.scale, weights)


def load_examples(taxonomy: Taxonomy) -> tuple[Example, ...]:
    """The examples, in their file's order.

    Raises:
        BadInput: a record has a dimension or a value that the taxonomy does not have.
    """
    text = (files("rubrics") / "scenario_examples.yaml").read_text(encoding="utf-8")
    rows = read(tuple[dict[str, str], ...], parsed(text), "scenario_examples.yaml")
    return tuple(
        Example(question=row.pop("question"), labels=taxonomy.checked(row)) for row in rows
    )


def _ridge(inputs: Figures, labels: Sequence[str], values: Sequence[str]) -> Figures:
    """Weights of shape (inputs, values); rare values weigh as much as common ones."""
    targets = np.array([[1.0 if label == value else -1.0 for value in values] for label in labels])
    rarity = np.array([1 / labels.count(label) for label in labels])
    # In its dual form: there are more inputs than examples.
    square = inputs @ inputs.T + RIDGE * np.diag(rarity.mean() / rarity)
    solved: Figures = inputs.T @ np.linalg.solve(square, targets)
    return solved
