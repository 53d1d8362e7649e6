from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference.errors import BadInput
from principle_store.loading import load_library
from principle_store.types import Library
from rubrics.taxonomy import Taxonomy


def test_the_library_covers_every_value_of_every_dimension(
    library: Library, taxonomy: Taxonomy
) -> None:
    assert len(library.principles) >= 150
    for dimension in taxonomy.dimensions:
        for value in dimension.values:
            fitting = [one for one in library.principles if one.applies_to(dimension.name, value)]
            assert len(fitting) >= 12, f"{dimension.name} {value}"


@pytest.mark.parametrize(
    ("first", "second"), [("urgency", "expertise"), ("uncertainty", "task_type")]
)
def test_the_library_covers_every_pair_of_values(
    library: Library, taxonomy: Taxonomy, first: str, second: str
) -> None:
    for one, other in product(taxonomy[first].values, taxonomy[second].values):
        fitting = [
            principle
            for principle in library.principles
            if principle.applies_to(first, one) and principle.applies_to(second, other)
        ]
        assert len(fitting) >= 3, f"{one} and {other}"


def test_every_principle_is_complete_and_says_that_it_is_a_draft(library: Library) -> None:
    for principle in library.principles:
        assert principle.status == "drafted", principle.id
        assert len(principle.asked_as) >= 4, principle.id
        assert len(principle.sayings()) >= 2, principle.id
        assert any(one.points < 0 for one in principle.criteria), principle.id
        assert any(one.points > 0 for one in principle.criteria), principle.id
        assert principle.statement.endswith("."), principle.id


def test_no_text_stands_twice(library: Library) -> None:
    for texts in (
        [one.statement for one in library.principles],
        [asked for one in library.principles for asked in one.asked_as],
        [one.examples.passing for one in library.principles if one.examples],
    ):
        assert len(set(texts)) == len(texts)


def test_the_hash_changes_with_any_word(
    library: Library, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    first = written(tmp_path, [GOOD], taxonomy)
    second = written(tmp_path, [{**GOOD, "statement": "Say it differently."}], taxonomy)

    assert first.hash != second.hash
    assert written(tmp_path, [GOOD], taxonomy).hash == first.hash


GOOD: dict[str, Any] = {
    "id": "say-it",
    "statement": "Say it.",
    "rationale": "It helps.",
    "reach": "general",
    "scenario": {
        "urgency": "any",
        "uncertainty": ["none"],
        "expertise": "any",
        "task_type": ["information"],
    },
    "criteria": [{"criterion": "Says it", "points": 3, "tags": ["axis:accuracy"]}],
    "guidance": [{"say": "It."}],
    "sources": [{"organisation": "WHO", "title": "T", "year": 2020, "url": "https://who.int"}],
    "source_check": "unchecked",
    "evidence": "guideline",
    "status": "drafted",
    "version": 1,
    "examples": {"passing": "It.", "failing": "Not."},
}


def written(folder: Path, rows: Any, taxonomy: Taxonomy) -> Library:
    text = rows if isinstance(rows, str) else yaml.safe_dump(rows)
    (folder / "some.yaml").write_text(text, encoding="utf-8")
    return load_library(taxonomy, folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sources": []}, "some.yaml: principle say-it.sources"),
        ({"id": "Say It"}, "principle Say It.id"),
        ({"status": "approved"}, "principle say-it.status is 'approved'; expected one of"),
        ({"guidance": [{"say": "a", "do": "b"}]}, "either `say` or `do`"),
        ({"criteria": [{"criterion": "x", "points": 0, "tags": []}]}, "points is 0"),
        ({"criteria": [{"criterion": "x", "points": 1, "tags": ["accuracy"]}]}, r"tags\[0\]"),
        ({"scenario": {**GOOD["scenario"], "urgency": ["soon"]}}, "urgency is 'soon'; expected"),
        ({"scenario": {"mood": "any"}}, "the dimensions urgency, uncertainty"),
        ({"sources": [{**GOOD["sources"][0], "url": "http://x"}]}, r"sources\[0\].url"),
        ({"wisdom": "much"}, "no field of that name"),
    ],
)
def test_a_faulty_principle_is_refused_by_name(
    change: dict[str, Any], complaint: str, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=complaint):
        written(tmp_path, [{**GOOD, **change}], taxonomy)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: [", "some.yaml is|some.yaml: expected YAML"),
        ("just text", "some.yaml: expected a list of principles"),
        ([GOOD, GOOD], "each id once"),
        ([5], "principle 0"),
    ],
)
def test_a_faulty_file_is_refused_by_name(
    content: Any, complaint: str, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=complaint):
        written(tmp_path, content, taxonomy)
