"""Reads the scenario of a question without a language model: wording first, then examples.

The examples are this project's own (`scenario_examples.yaml`). For each dimension a ridge
regression over their vectors gives every value a figure; the largest one names the value.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from inference.embedding import TextVectors, Vectors
from inference.messages import Conversation
from inference.words import Word, read
from rubrics.taxonomy import Dimension, Taxonomy
from rubrics.types import Label, Scenario

RIDGE = 1.0  # chosen by five-fold cross-validation over the examples themselves
SHARPNESS = 3.0  # of the confidence: softmax over this many times the regression's figures
LEAST_CONFIDENCE = {2: 0.55, 3: 0.40, 5: 0.30}  # by number of values; below it nothing is claimed
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
    return read(tuple[Example, ...], yaml.safe_load(text), "scenario_examples.yaml")


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
        return await asyncio.to_thread(self._read, conversation, given)

    def _read(self, conversation: Conversation, given: Mapping[str, str]) -> Scenario:
        vector = self._questions.embed([conversation.recent])[0]
        return Scenario(
            labels={
                dimension.name: self._label(dimension, conversation, vector, given)
                for dimension in self.taxonomy.dimensions
            }
        )

    def _label(
        self,
        dimension: Dimension,
        conversation: Conversation,
        vector: Vectors,
        given: Mapping[str, str],
    ) -> Label:
        if value := given.get(dimension.name):
            return _label(value, 1.0, "given")
        for value, pattern in dimension.patterns.items():
            if pattern.search(conversation.recent):
                return _label(value, WORDING_CONFIDENCE, "wording")
        values = list(dimension.values)
        figures = np.append(vector, 1.0) @ self._weights[dimension.name]
        shares = np.exp(SHARPNESS * (figures - figures.max()))
        shares /= shares.sum()
        best = int(shares.argmax())
        if shares[best] < LEAST_CONFIDENCE[len(values)]:
            return Label()
        return _label(values[best], round(float(shares[best]), 3), "examples")

    @cached_property
    def _weights(self) -> dict[str, NDArray[np.float64]]:
        examples = load_examples()
        vectors = self._examples.embed([example.question for example in examples])
        inputs = np.hstack([vectors, np.ones((len(vectors), 1))])
        return {
            dimension.name: _ridge(
                inputs,
                [getattr(example, dimension.name) for example in examples],
                list(dimension.values),
            )
            for dimension in self.taxonomy.dimensions
        }


def _ridge(
    inputs: NDArray[Any], labels: Sequence[str], values: Sequence[str]
) -> NDArray[np.float64]:
    """Weights of shape (inputs, values); rare values weigh as much as common ones."""
    targets = np.array([[1.0 if label == value else -1.0 for value in values] for label in labels])
    weight = np.array([1 / labels.count(label) for label in labels])[:, None]
    weight /= weight.mean()
    square = (inputs * weight).T @ inputs + RIDGE * np.eye(inputs.shape[1])
    solved: NDArray[np.float64] = np.linalg.solve(square, (inputs * weight).T @ targets)
    return solved


def _label(value: str, confidence: float, by: str) -> Label:
    return Label.model_validate({"value": value, "confidence": confidence, "from": by})
