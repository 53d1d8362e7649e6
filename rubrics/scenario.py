"""Reads a question without a language model: a glossary for its English, wording, then examples."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from inference.embedding import TextVectors
from inference.messages import Conversation
from rubrics.glossary import Glossaries
from rubrics.reading import Reading, given_label, label, scenario_of
from rubrics.scenario_learning import Figures, Learned
from rubrics.taxonomy import Dimension, Taxonomy
from rubrics.types import Label, Scenario

SHARPNESS = 2.0  # of the softmax; here the mean confidence is about the share that is right
LEAST_CONFIDENCE = {2: 0.55, 3: 0.4, 5: 0.3}  # by number of values; below it nothing is claimed
WORDING_CONFIDENCE = 0.9


class BuiltinScenarioReader:
    """Reads scenarios.

    Args:
        taxonomy: the dimensions to fill.
        glossaries: put questions in other languages into English.
        questions: embeds the question at hand.
        learn: what was learned from the examples with that embedder; called once, when needed.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        glossaries: Glossaries,
        questions: TextVectors,
        learn: Callable[[], Learned],
    ) -> None:
        self.taxonomy = taxonomy
        self._glossaries, self._questions = glossaries, questions
        self._learned = cache(learn)

    async def read(
        self, conversation: Conversation, given: Mapping[str, str] | None = None
    ) -> Reading:
        return await asyncio.to_thread(self._read, conversation, self.taxonomy.checked(given or {}))

    def _read(self, conversation: Conversation, given: Mapping[str, str]) -> Reading:
        language = self._glossaries.language(conversation.question)
        english = self._glossaries.english(conversation.recent, language)
        context = self._glossaries.english(conversation.context, language)
        return Reading(
            language=language,
            written=conversation.recent,
            english=english,
            context=context,
            scenario=self._scenario(conversation.recent, english, given),
        )

    def _scenario(self, written: str, english: str, given: Mapping[str, str]) -> Scenario:
        words = f"{written}\n{english}"
        figures = self._learned().figures(english, self._questions.embed([english]))
        labels = {}
        for dimension in self.taxonomy.dimensions:
            if value := given.get(dimension.name):
                labels[dimension.name] = given_label(value)
            elif value := _by_wording(dimension, words):
                labels[dimension.name] = label(value, WORDING_CONFIDENCE, "wording")
            else:
                values = list(dimension.values)
                labels[dimension.name] = _by_examples(values, figures[dimension.name])
        return scenario_of(labels, self.taxonomy)


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
    return label(values[best], round(float(shares[best]), 3), "examples")
