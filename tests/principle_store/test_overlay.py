from pathlib import Path
from typing import Any

import pytest
import yaml

from inference.errors import BadInput
from principle_store.overlay import overlaid
from principle_store.types import Library
from rubrics.taxonomy import Taxonomy

ID = "name-the-country-for-local-facts"
HERE = [{"say": "In Germany, call 112 in an emergency and 116117 for the doctor on call."}]


def folder(parent: Path, name: str, rows: Any) -> Path:
    made = parent / name
    made.mkdir()
    (made / "local.yaml").write_text(yaml.safe_dump(rows), encoding="utf-8")
    return made


def principle(library: Library, id: str) -> Any:
    (found,) = [one for one in library.principles if one.id == id]
    return found


def test_an_overlay_changes_the_fields_it_names_and_leaves_the_others(
    library: Library, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    germany = folder(tmp_path, "germany", [{"id": ID, "guidance": HERE, "version": 2}])

    laid = overlaid(library, [germany], taxonomy)

    before, after = principle(library, ID), principle(laid.library, ID)
    assert after.sayings() == [HERE[0]["say"]]
    assert (after.statement, after.criteria) == (before.statement, before.criteria)
    assert laid.library.hash != library.hash
    assert [(one.principle_id, one.fields) for one in laid.changes] == [
        (ID, ("guidance", "version"))
    ]


def test_a_new_principle_joins_the_library(
    library: Library, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    row = {**principle(library, ID).model_dump(mode="json"), "id": "our-formulary"}

    laid = overlaid(library, [folder(tmp_path, "ours", [row])], taxonomy)

    assert len(laid.library.principles) == len(library.principles) + 1
    assert laid.changes[0].fields == ()


def test_a_later_overlay_wins_and_the_conflict_is_told(
    library: Library, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    first = folder(tmp_path, "country", [{"id": ID, "version": 2, "rationale": "Law."}])
    second = folder(tmp_path, "hospital", [{"id": ID, "version": 3}])

    laid = overlaid(library, [first, second], taxonomy)

    assert principle(laid.library, ID).version == 3
    assert principle(laid.library, ID).rationale == "Law."
    assert [one.overrules for one in laid.changes] == ["", "country"]


def test_without_overlays_the_library_stays_as_it_is(library: Library, taxonomy: Taxonomy) -> None:
    assert overlaid(library, [], taxonomy).library == library


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "at least one principle"),
        ([{"statement": "No id."}], "local.yaml: principle 0: expected a record with an id"),
        ([{"id": ID, "version": "two"}], f"local.yaml: principle {ID}.version"),
        ([{"id": "half-a-principle", "version": 1}], "principle half-a-principle.statement"),
        ([{"id": ID, "scenario": {"mood": "any"}}], "the dimensions urgency"),
    ],
)
def test_a_faulty_overlay_is_refused_by_name(
    library: Library, taxonomy: Taxonomy, tmp_path: Path, rows: Any, complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        overlaid(library, [folder(tmp_path, "ours", rows)], taxonomy)


def test_a_folder_that_is_not_there_is_named(
    library: Library, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"nowhere: expected a folder of YAML files"):
        overlaid(library, [tmp_path / "nowhere"], taxonomy)
