from collections import Counter

import pytest

from inference.embedding import MemoEmbedder, OnnxEmbedder
from inference.errors import BadInput
from inference.messages import Conversation
from rubrics.glossary import load_glossaries
from rubrics.reading import ScenarioReader
from rubrics.scenario_learning import kept, learned, load_examples
from rubrics.taxonomy import Taxonomy
from rubrics.types import Label


@pytest.mark.parametrize(
    ("question", "dimension", "value"),
    [
        ("My son can't breathe and his lips are blue", "urgency", "emergent"),
        ("Mi madre no puede respirar", "urgency", "emergent"),
        ("What is the difference between a virus and a bacterium?", "urgency", "non_emergent"),
        ("My patient is 82 y/o, eGFR 24, on apixaban", "expertise", "health_professional"),
        ("hi, my tummy hurts after pizza, is that bad?", "expertise", "layperson"),
        ("Summarize this discharge note for me", "task_type", "document_or_data_task"),
        ("How long does my mother have to live?", "uncertainty", "irreducible"),
    ],
)
async def test_plain_cases_are_read_right(
    reader: ScenarioReader, question: str, dimension: str, value: str
) -> None:
    reading = await reader.read(Conversation.of(question))

    assert reading.scenario.value(dimension) == value


async def test_every_label_says_where_it_comes_from(reader: ScenarioReader) -> None:
    asked = Conversation.of("I can't breathe. What is asthma?")

    reading = await reader.read(asked, {"expertise": "layperson", "task_type": ""})

    labels = reading.scenario.labels
    assert (labels["urgency"].from_, labels["urgency"].confidence) == ("wording", 0.9)
    assert (labels["expertise"].from_, labels["expertise"].confidence) == ("given", 1.0)
    assert labels["task_type"].from_ in ("examples", "")


async def test_what_cannot_be_told_is_left_unspecified(reader: ScenarioReader) -> None:
    scenario = (await reader.read(Conversation.of("zxqv"))).scenario

    assert scenario.labels["task_type"] == Label()
    assert scenario.value("task_type") == ""


async def test_material_is_read_for_document_tasks_alone(reader: ScenarioReader) -> None:
    asked, task = "What is asthma?", "Write a referral letter for a patient with asthma."

    assert (await reader.read(Conversation.of(asked))).scenario.value("material") == ""
    assert (await reader.read(Conversation.of(task))).scenario.value("material") == "not_enough"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"urgency": "urgent"}, "urgency is 'urgent'; expected one of emergent"),
        ({"mood": "sad"}, "the dimensions urgency, uncertainty, expertise, task_type"),
    ],
)
async def test_an_unknown_value_is_refused_with_those_that_exist(
    reader: ScenarioReader, given: dict[str, str], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        await reader.read(Conversation.of("What is asthma?"), given)


def test_the_examples_cover_every_value(taxonomy: Taxonomy) -> None:
    examples = load_examples(taxonomy)

    for dimension in taxonomy.dimensions:
        seen = Counter(one.labels.get(dimension.name) for one in examples)
        assert set(dimension.values) <= set(seen)
        assert min(seen[value] for value in dimension.values) >= 40
    assert len({example.question for example in examples}) == len(examples)


def test_the_kept_reader_was_learned_from_these_examples(
    taxonomy: Taxonomy, embedder: MemoEmbedder
) -> None:
    anew = learned(taxonomy, load_glossaries(), embedder)
    shipped = kept(OnnxEmbedder().id)

    assert shipped is not None
    assert shipped.wordings.phrases == anew.wordings.phrases
    for name, weights in anew.weights.items():
        assert shipped.weights[name] == pytest.approx(weights, abs=1e-4)


def test_another_embedder_finds_nothing_kept() -> None:
    assert kept("another") is None
