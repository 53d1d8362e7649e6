"""What is made of a question before principles are looked for: its English and its scenario."""

from collections.abc import Mapping
from typing import Protocol

from inference.messages import Conversation
from inference.words import Word
from rubrics.taxonomy import Taxonomy
from rubrics.types import Label, Scenario


class Reading(Word):
    """A question as the search takes it."""

    language: str
    """Two letters; `en` for English, and where no other language shows."""
    written: str
    """The recent turns as they were written."""
    english: str
    """The recent turns, put into English for the embedder."""
    context: str
    """The end of the whole conversation, put into English."""
    scenario: Scenario
    note: str = ""
    """Why a model's reading was not used, if one was asked for."""

    @property
    def is_foreign(self) -> bool:
        return self.written != self.english


class ScenarioReader(Protocol):
    @property
    def taxonomy(self) -> Taxonomy: ...

    async def read(
        self, conversation: Conversation, given: Mapping[str, str] | None = None
    ) -> Reading:
        """The question's reading; labels `given` by the caller are taken as they are.

        Raises:
            BadInput: a given value does not exist.
        """


def scenario_of(labels: Mapping[str, Label], taxonomy: Taxonomy) -> Scenario:
    """The scenario of these labels; a dimension without what it needs stays unspecified."""
    kept = {
        dimension.name: labels[dimension.name]
        if all(labels[name].value == value for name, value in dimension.only.items())
        else Label()
        for dimension in taxonomy.dimensions
    }
    return Scenario(labels=kept)


def label(value: str, confidence: float, by: str) -> Label:
    return Label.model_validate({"value": value, "confidence": confidence, "from": by})


def given_label(value: str) -> Label:
    return label(value, 1.0, "given")
