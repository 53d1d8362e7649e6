"""Reads the scenario of a question without a language model: wording first, then examples.

The examples are this project's own (`scenario_examples.yaml`). For each dimension a ridge
regression over their vectors and form gives every value a figure; the largest one names the value.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from inference.embedding import TextVectors, Vectors
from inference.messages import Conversation
from inference.words import Word, read
from rubrics.form import form_of
from rubrics.taxonomy import Dimension, Taxonomy
from rubrics.types import Label, Scenario
from rubrics.yaml_text import parsed

Figures = NDArray[np.float64]
RIDGE = 1.0  # this and the next chosen by five-fold cross-validation over the examples
FORM_WEIGHT = 0.1  # of a question's form beside its vector, whose length is 1
SHARPNESS = 2.0  # of the softmax; here the mean confidence is about the share that is right
LEAST_CONFIDENCE = {2: 0.6, 3: 0.45, 5: 0.35}  # by number of values; below it nothing is claimed
WORDING_CONFIDENCE = 0.9


class Example(Word):
    """A question written for this project, with its value in every dimension."""

    question: str
    urgency: str
    uncertainty: str
    expertise: str
    task_type: str


def load_examples() -> tuple[Example, ...]:
    text = (files("rubrics") / "scenario_examples.yaml").read_text(encoding="utf-8")
    return read(tuple[Example, ...], parsed(text), "scenario_examples.yaml")


@dataclass(frozen=True)
class _Regression:
    """What was learned from the examples: how to scale a question's form, and the weights."""

    mean: Figures
    scale: Figures
    weights: Mapping[str, Figures]
    """For each dimension, of shape (inputs, values)."""

    def inputs(self, vectors: Vectors, forms: Figures) -> Figures:
        scaled = FORM_WEIGHT * (forms - self.mean) / self.scale
        return np.hstack([vectors, scaled, np.ones((len(vectors), 1))])


class ScenarioReader:
    """Reads scenarios.

    Args:
        taxonomy: the dimensions to fill.
        questions: embeds the question at hand.
        examples: embeds the examples; a cache makes the second start quick.
    """

    def __init__(self, taxonomy: Taxonomy, questions: TextVectors, examples: TextVectors) -> None:
        self.taxonomy = taxonomy
        self._questions, self._examples = questions, examples

    async def read(
        self, conversation: Conversation, given: Mapping[str, str] | None = None
    ) -> Scenario:
        """The scenario of the question; values `given` by the caller are taken as they are.

        Raises:
            BadInput: a given value does not exist.
        """
        given = {name: value for name, value in (given or {}).items() if value}
        for name, value in given.items():
            self.taxonomy.check(name, value)
        return await asyncio.to_thread(self._read, conversation.recent, given)

    def _read(self, question: str, given: Mapping[str, str]) -> Scenario:
        learned = self._learned
        vectors = self._questions.embed([question])
        inputs = learned.inputs(vectors, form_of(question)[None, :])[0]
        labels = {}
        for dimension in self.taxonomy.dimensions:
            if value := given.get(dimension.name):
                labels[dimension.name] = _label(value, 1.0, "given")
            elif value := _by_wording(dimension, question):
                labels[dimension.name] = _label(value, WORDING_CONFIDENCE, "wording")
            else:
                figures = inputs @ learned.weights[dimension.name]
                labels[dimension.name] = _by_examples(list(dimension.values), figures)
        return Scenario(labels=labels)

    @cached_property
    def _learned(self) -> _Regression:
        examples = load_examples()
        vectors = self._examples.embed([example.question for example in examples])
        forms = np.stack([form_of(example.question) for example in examples])
        blank = _Regression(forms.mean(0), forms.std(0) + 1e-6, {})
        inputs = blank.inputs(vectors, forms)
        weights = {
            dimension.name: _ridge(
                inputs,
                [getattr(example, dimension.name) for example in examples],
                list(dimension.values),
            )
            for dimension in self.taxonomy.dimensions
        }
        return replace(blank, weights=weights)


def _by_wording(dimension: Dimension, question: str) -> str:
    """The first value whose cues occur in the question; empty if none do."""
    hits = (value for value, cue in dimension.patterns.items() if cue.search(question))
    return next(hits, "")


def _by_examples(values: Sequence[str], figures: Figures) -> Label:
    shares = np.exp(SHARPNESS * (figures - figures.max()))
    shares /= shares.sum()
    best = int(shares.argmax())
    if shares[best] < LEAST_CONFIDENCE[len(values)]:
        return Label()
    return _label(values[best], round(float(shares[best]), 3), "examples")


def _ridge(inputs: Figures, labels: Sequence[str], values: Sequence[str]) -> Figures:
    """Weights of shape (inputs, values); rare values weigh as much as common ones."""
    targets = np.array([[1.0 if label == value else -1.0 for value in values] for label in labels])
    weight = np.array([1 / labels.count(label) for label in labels])[:, None]
    weight /= weight.mean()
    square = (inputs * weight).T @ inputs + RIDGE * np.eye(inputs.shape[1])
    solved: Figures = np.linalg.solve(square, (inputs * weight).T @ targets)
    return solved


def _label(value: str, confidence: float, by: str) -> Label:
    return Label.model_validate({"value": value, "confidence": confidence, "from": by})
