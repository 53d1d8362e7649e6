"""The scenario reader that asks a model, on a scripted one."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from inference.errors import BadInput, ModelUnreachable
from inference.messages import Conversation, Message
from inference.scripted import ScriptedChat
from rubrics import model_reading
from rubrics.model_reading import ModelScenarioReader
from rubrics.reading import ScenarioReader
from rubrics.taxonomy import Taxonomy

SPANISH = Conversation.of("¿Puedo dar ibuprofeno a mi hijo con varicela?")


def reply(taxonomy: Taxonomy, english: str = "Can I?", **said: str) -> str:
    labels = {
        name: {"value": said.get(name, ""), "confidence": "medium"} for name in taxonomy.names()
    }
    return json.dumps({"language": "es", "english": english, "scenario": labels})


async def test_a_foreign_question_is_restated_and_labelled(
    taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    restated = "May I give my child ibuprofen for chickenpox?"
    chat = ScriptedChat([reply(taxonomy, restated, urgency="non_emergent")])

    reading = await ModelScenarioReader(chat, taxonomy, reader).read(SPANISH)

    assert (reading.language, reading.english) == ("es", restated)
    assert reading.written == SPANISH.question
    label = reading.scenario.labels["urgency"]
    assert (label.value, label.confidence, label.from_) == ("non_emergent", 0.7, "model")
    assert reading.scenario.value("depth") == ""
    assert reading.note == ""


async def test_one_english_turn_keeps_its_own_words(
    taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    chat = ScriptedChat([reply(taxonomy, "Something else.")])

    reading = await ModelScenarioReader(chat, taxonomy, reader).read(
        Conversation.of("What is asthma?")
    )

    assert reading.english == "What is asthma?"


async def test_a_later_turn_is_restated_with_what_went_before(
    taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    chat = ScriptedChat([reply(taxonomy, "How much paracetamol with a cold remedy?")])
    earlier = Message(role="user", content="How much paracetamol may I take?")

    reading = await ModelScenarioReader(chat, taxonomy, reader).read(
        Conversation.of("And with a cold remedy?", (earlier,))
    )

    assert reading.english == "How much paracetamol with a cold remedy?"
    assert "How much paracetamol may I take?" in chat.asked[0][0].content


async def test_given_labels_stand_and_wrong_ones_are_refused(
    taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    chat = ScriptedChat([reply(taxonomy, urgency="non_emergent")])
    by_model = ModelScenarioReader(chat, taxonomy, reader)

    reading = await by_model.read(SPANISH, {"urgency": "emergent"})

    assert reading.scenario.labels["urgency"].from_ == "given"
    with pytest.raises(BadInput, match="urgency is 'soon'"):
        await by_model.read(SPANISH, {"urgency": "soon"})


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no JSON": lambda said: "I think it is urgent.",
    "a value that does not exist": lambda said: said["scenario"]["urgency"].update(value="soon"),
    "a dimension left out": lambda said: said["scenario"].pop("depth"),
    "a confidence in figures": lambda said: said["scenario"]["urgency"].update(confidence=0.9),
    "no English": lambda said: said.update(english=""),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unusable_reply_leaves_the_reading_to_the_builtin_reader(
    taxonomy: Taxonomy, reader: ScenarioReader, fault: str
) -> None:
    said = json.loads(reply(taxonomy))
    changed = FAULTS[fault](said)
    text = changed if isinstance(changed, str) else json.dumps(said)
    chat = ScriptedChat([text] * 2)

    reading = await ModelScenarioReader(chat, taxonomy, reader).read(SPANISH)

    assert reading.scenario == (await reader.read(SPANISH)).scenario
    assert reading.note.startswith("the question was read without")
    assert len(chat.asked) == 2


async def test_a_model_that_is_gone_is_said_and_done_without(
    taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    gone = ScriptedChat([ModelUnreachable("nothing answers at http://x")])

    reading = await ModelScenarioReader(gone, taxonomy, reader).read(SPANISH)

    assert "nothing answers at http://x" in reading.note
    assert reading.language == "es"


async def test_a_model_that_takes_too_long_is_not_waited_for(
    taxonomy: Taxonomy, reader: ScenarioReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(ScriptedChat):
        async def complete(self, *asked: Any, **how: Any) -> Any:
            await asyncio.Event().wait()

    monkeypatch.setattr(model_reading, "PATIENCE_SECONDS", 0.01)
    reading = await ModelScenarioReader(Silent([]), taxonomy, reader).read(SPANISH)

    assert reading.note.endswith("no reply within 0.01 s")
    assert reading.language == "es"


async def test_the_prompt_is_as_it_was_agreed(
    taxonomy: Taxonomy, reader: ScenarioReader, golden: Callable[[str, str], None]
) -> None:
    chat = ScriptedChat([reply(taxonomy)])

    await ModelScenarioReader(chat, taxonomy, reader).read(SPANISH)

    golden("read_question_prompt.txt", chat.asked[0][0].content)
