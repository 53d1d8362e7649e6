"""`clinalign principles ...` and `clinalign scenario`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from inference.embedding import MemoEmbedder
from principle_store.checking import problems
from principle_store.types import Examples, Library
from rubrics.builtin_judge import BuiltinJudge

QUESTION = "crushing chest pain since an hour, my dad is 68"


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_search_tells_what_was_found_and_why(run: Callable[..., Result]) -> None:
    said = run("principles", "search", QUESTION, "--k", "3", "--json")

    data = json.loads(said.stdout)
    first = data["principles"][0]
    assert set(data) == {"scenario", "principles", "library"}
    assert set(first) == {"id", "statement", "score", "why", "sources"}
    assert first["id"] == "heart-attack-call-first"
    assert first["why"].startswith("meaning 0.")
    assert "urgency emergent" in first["why"]
    assert len(data["principles"]) <= 3
    assert set(data["library"]) == {"version", "hash"}


def test_search_takes_labels_as_given(run: Callable[..., Result]) -> None:
    said = run("principles", "search", QUESTION, "--expertise", "health_professional", "--json")

    label = json.loads(said.stdout)["scenario"]["expertise"]
    assert label == {"value": "health_professional", "confidence": 1.0, "from": "given"}


def test_people_see_principles_with_their_sources(run: Callable[..., Result]) -> None:
    said = run("principles", "search", QUESTION)

    assert "heart-attack-call-first" in said.stdout
    assert "European Society of Cardiology 2023" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["x", "--urgency", "soon"], "urgency is 'soon'; expected one of emergent"),
        ([""], "a question that is not empty"),
    ],
)
def test_a_bad_search_is_told_in_one_sentence(
    run: Callable[..., Result], arguments: list[str], complaint: str
) -> None:
    said = run("principles", "search", *arguments)

    assert complaint in said.stderr
    assert (said.exit_code, said.stdout) == (2, "")


def test_the_scenario_of_one_question(run: Callable[..., Result]) -> None:
    labels = json.loads(run("scenario", "my son can't breathe", "--json").stdout)

    assert {"urgency", "uncertainty", "expertise", "task_type", "material"} < set(labels)
    assert labels["urgency"] == {"value": "emergent", "confidence": 0.9, "from": "wording"}


def test_a_file_of_conversations_gives_a_line_a_row(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": [{"role": "user", "content": f"a cough\u2028since day {n}"}]} for n in (1, 2)
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text(text, encoding="utf-8")

    said = run("scenario", "--file", str(file), "--json")

    assert len([json.loads(line) for line in said.stdout.strip().split("\n")]) == 2


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"prompt": []}'])
def test_a_bad_row_is_named_by_its_line(
    run: Callable[..., Result], tmp_path: Path, line: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"prompt": [{{"role": "user", "content": "x"}}]}}\n{line}\n', "utf-8")

    said = run("scenario", "--file", str(file), "--json")

    assert "line 2" in said.stderr
    assert (said.exit_code, said.stdout) == (2, "")


async def test_problems_are_found_and_named(library: Library, embedder: MemoEmbedder) -> None:
    first, second = library.principles[:2]
    compound = first.criteria[0].model_copy(update={"criterion": "Tells this and tells that"})
    changes: dict[str, Any] = {"statement": first.statement, "criteria": (compound,)}
    broken = library.model_copy(update={"principles": (first, second.model_copy(update=changes))})

    told = await problems(broken, embedder, BuiltinJudge(embedder))

    assert {(problem.principle_id, problem.kind) for problem in told} == {
        (f"{second.id}.1", "compound"),
        (second.id, "harm"),
        (first.id, "duplicate"),
    }


def _obeying(criterion: str) -> str:
    """An answer that does what a criterion says, in its own words."""
    return criterion.removeprefix("Tells the reader to ").capitalize() + "."


async def test_examples_that_do_the_opposite_are_found(
    library: Library, embedder: MemoEmbedder
) -> None:
    principle = next(one for one in library.principles if one.id == "stroke-signs-call-now")
    asked = next(one for one in principle.criteria if one.points > 0)
    swapped = Examples(passing="Wait until tomorrow.", failing=_obeying(asked.criterion))
    broken = library.model_copy(
        update={"principles": (principle.model_copy(update={"examples": swapped}),)}
    )

    told = await problems(broken, embedder, BuiltinJudge(embedder))

    assert {problem.kind for problem in told} == {"example"}
    assert any("the failing one meets" in problem.reason for problem in told)


def test_an_overlay_is_searched_and_reported(run: Callable[..., Result], tmp_path: Path) -> None:
    line = "In Germany, call 112 in an emergency."
    (tmp_path / "de.yaml").write_text(
        f"- id: heart-attack-call-first\n  statement: {line}\n", encoding="utf-8"
    )

    found = run("principles", "search", QUESTION, "--overlay", str(tmp_path), "--json")
    checked = run("principles", "check", "--overlay", str(tmp_path))

    statements = [one["statement"] for one in json.loads(found.stdout)["principles"]]
    assert line in statements
    assert f"heart-attack-call-first: changes statement (overlay {tmp_path.name})" in checked.stdout
