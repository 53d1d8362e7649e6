"""Has a language model read a question: its English and its scenario, in one structured call.

A model that is not there, or that cannot be understood, leaves the reading to the built-in reader,
and the reading says so.
"""

import asyncio
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from inference.chat import ChatModel, Sampling
from inference.errors import BadInput, ModelError
from inference.json_schemas import object_of
from inference.messages import Conversation, Message
from inference.templates import fill
from inference.words import Word, read
from rubrics.errors import UnreadableReply
from rubrics.fencing import fenced
from rubrics.parsing import json_object
from rubrics.reading import Reading, ScenarioReader, given_label, label, scenario_of
from rubrics.taxonomy import Dimension, Taxonomy
from rubrics.types import Label

ATTEMPTS = 2
PATIENCE_SECONDS = 30  # whoever asks waits for principles, not for this
MOST_TOKENS = 600
SURE = {"low": 0.5, "medium": 0.7, "high": 0.9}
"""What a model's words for its confidence count as; not calibrated."""
PROMPT = (files("rubrics") / "prompts" / "read_question.md").read_text(encoding="utf-8")


class _Said(Word):
    value: str
    confidence: Literal["low", "medium", "high"]


class _Reply(Word):
    language: str = Field(pattern=r"^[a-z]{2}$")
    english: str = Field(min_length=1, max_length=2000)
    scenario: dict[str, _Said]


class ModelScenarioReader:
    """Reads by a model.

    Args:
        chat: the model.
        taxonomy: the dimensions to fill.
        builtin: reads what patterns need, and everything where the model fails.
    """

    def __init__(self, chat: ChatModel, taxonomy: Taxonomy, builtin: ScenarioReader) -> None:
        self.taxonomy = taxonomy
        self._chat, self._builtin = chat, builtin

    async def read(
        self, conversation: Conversation, given: Mapping[str, str] | None = None
    ) -> Reading:
        given = self.taxonomy.checked(given or {})
        reading = await self._builtin.read(conversation, given)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reply = await self._reply(conversation)
        except TimeoutError:
            return self._without(reading, f"no reply within {PATIENCE_SECONDS} s")
        except (ModelError, UnreadableReply) as error:
            return self._without(reading, error.without_values())
        labels = {
            name: given_label(given[name]) if name in given else _label(reply.scenario[name])
            for name in self.taxonomy.names()
        }
        scenario = scenario_of(labels, self.taxonomy)
        if reading.language == "en" and len(conversation.messages) == 1:
            return reading.model_copy(update={"scenario": scenario})
        return Reading(
            language=reply.language,
            written=conversation.recent,
            english=reply.english,
            context=reply.english,
            scenario=scenario,
        )

    def _without(self, reading: Reading, why: str) -> Reading:
        note = f"the question was read without {self._chat.name}: {why}"
        return reading.model_copy(update={"note": note})

    async def _reply(self, conversation: Conversation) -> _Reply:
        prompt = fill(
            PROMPT,
            dimensions="\n\n".join(map(_described, self.taxonomy.dimensions)),
            shape=_shape(self.taxonomy),
            conversation=fenced(conversation.as_text()),
        )
        messages = [Message(role="user", content=prompt)]
        for attempt in range(ATTEMPTS):
            # The first reading is greedy; a later one must differ, or it would fail the same way.
            warmth = 0.0 if attempt == 0 else 0.7
            sampling = Sampling(temperature=warmth, max_tokens=MOST_TOKENS, seed=attempt)
            said = await self._chat.complete(messages, sampling, self._schema())
            try:
                return self._read(said.text)
            except UnreadableReply as error:
                unreadable = error
        raise unreadable

    def _read(self, text: str) -> _Reply:
        try:
            reply = read(_Reply, json_object(text), "reply")
            for name in self.taxonomy.names():
                if name not in reply.scenario:
                    raise BadInput("reply.scenario", f"a label for {name}")
                self.taxonomy.check(name, reply.scenario[name].value)
        except BadInput as error:
            raise UnreadableReply(error.without_values()) from None
        return reply

    def _schema(self) -> dict[str, Any]:
        labels = {one.name: _label_schema(one) for one in self.taxonomy.dimensions}
        return object_of(
            {
                "language": {"type": "string", "pattern": "^[a-z]{2}$"},
                "english": {"type": "string", "minLength": 1, "maxLength": 2000},
                "scenario": object_of(labels),
            }
        )


def _label(said: _Said) -> Label:
    return label(said.value, SURE[said.confidence], "model") if said.value else Label()


def _shape(taxonomy: Taxonomy) -> str:
    label = '{"value": "...", "confidence": "high"}'
    return "{" + ", ".join(f'"{name}": {label}' for name in taxonomy.names()) + "}"


def _described(dimension: Dimension) -> str:
    lines = [f"- {value}: {meaning}" for value, meaning in dimension.values.items()]
    return "\n".join([f"{dimension.name}:", *lines])


def _label_schema(dimension: Dimension) -> dict[str, Any]:
    return object_of(
        {
            "value": {"type": "string", "enum": [*dimension.values, ""]},
            "confidence": {"type": "string", "enum": list(SURE)},
        }
    )
