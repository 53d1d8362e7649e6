"""`clinalign principles export`, `import` and `catalogue`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from principle_store.types import Library

Run = Callable[..., Result]
SOURCE = "WHO | Guidance on plain words | 2021 | https://www.who.int/plain"


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
    return lambda *arguments: CliRunner().invoke(app, ["principles", *map(str, arguments)])


def test_a_release_is_one_file_and_comes_back_whole(
    run: Run, library: Library, tmp_path: Path
) -> None:
    file, folder = tmp_path / "release.json", tmp_path / "laid"

    said = run("export", file)
    taken = run("import", file, "--into", folder)
    run("export", tmp_path / "again.json", "--overlay", folder)

    release, count = json.loads(file.read_text(encoding="utf-8")), len(library.principles)
    assert (release["version"], release["hash"]) == (library.version, library.hash)
    assert said.stdout == f"{count} principles of library {library.version} in {file}\n"
    assert f"{count} principles in {folder / 'release.yaml'}" in taken.stdout
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == release


def test_the_plain_format_keeps_texts_scenarios_criteria_and_sources(
    run: Run, library: Library, tmp_path: Path
) -> None:
    file = tmp_path / "principles_v1.json"

    run("export", file, "--format", "principles_v1")
    run("import", file, "--into", tmp_path / "laid")

    (first, *_) = json.loads(file.read_text(encoding="utf-8"))
    back = yaml.safe_load((tmp_path / "laid" / "principles_v1.yaml").read_text(encoding="utf-8"))
    original = library.principles[0]
    assert first["principle"] == original.statement == back[0]["statement"]
    assert back[0]["scenario"]["urgency"] == list(original.scenario["urgency"])
    assert len(back[0]["criteria"]) == len(original.criteria)
    assert back[0]["source_check"].startswith("unchecked: imported from")


@pytest.mark.parametrize(
    "content",
    [
        '[{"id": "plain-words", "principle": "Use plain words.", "urgency": "Non-emergent"}]',
        '{"plain-words": {"text": "Use plain words.", "labels": {"urgency": ["non_emergent"]}}}',
        '{"all": [{"id": "plain-words", "text": "Use plain words.", "urgency": "non emergent"}]}',
        '{"id": "plain-words", "statement": "Use plain words.", "urgency": "non-emergent"}\n\n',
        "- id: plain-words\n  statement: Use plain words.\n  urgency: non-emergent\n",
    ],
    ids=["list", "mapping", "wrapped", "lines", "yaml"],
)
def test_plain_records_are_taken_in_many_shapes_as_drafts(
    run: Run, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(content, encoding="utf-8")

    said = run("import", file, "--into", tmp_path / "laid", "--source", SOURCE)

    assert said.exit_code == 0, said.stderr
    (made,) = yaml.safe_load((tmp_path / "laid" / "theirs.yaml").read_text(encoding="utf-8"))
    assert (made["id"], made["statement"]) == ("plain-words", "Use plain words.")
    assert made["scenario"]["urgency"] == ["non_emergent"]
    assert made["scenario"]["expertise"] == "any"
    assert made["status"] == "drafted"
    assert made["sources"][0]["organisation"] == "WHO"
    assert "examples" not in made


def test_a_draft_is_found_incomplete_by_the_check(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text('["Use plain words."]', encoding="utf-8")
    run("import", file, "--into", tmp_path / "laid", "--source", SOURCE)

    said = run("check", "--overlay", tmp_path / "laid")

    assert said.exit_code == 1
    assert "use-plain-words: examples: it has no examples" in said.stdout


def test_unreadable_records_are_told_one_by_one_and_nothing_is_taken(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.json"
    rows: list[Any] = [
        {"principle": "Fine."},
        {"principle": "Hurry.", "urgency": "soon"},
        {"note": "no text"},
        7,
        {"id": "fine", "principle": "Again."},
    ]
    file.write_text(json.dumps(rows), encoding="utf-8")

    said = run("import", file, "--into", tmp_path / "laid", "--source", SOURCE)

    assert said.exit_code == 1
    assert said.stderr.split("\n")[:5] == [
        f"{file}: record 2: principle hurry: scenario.urgency is 'soon'; expected one of emergent, "
        "conditionally_emergent, non_emergent",
        f"{file}: record 3: expected a text named statement or principle or text or content or "
        "description",
        f"{file}: record 4: expected an object or a text",
        f"{file}: record 5: id is 'fine'; expected each id once",
        "clinalign: 4 records cannot be used; nothing was imported",
    ]
    assert not (tmp_path / "laid").exists()


@pytest.mark.parametrize(
    ("content", "arguments", "complaint"),
    [
        ("{", [], "expected JSON, JSON lines or YAML"),
        ("[]", [], "expected a list or a mapping of principles"),
        ("7", [], "expected a list or a mapping of principles"),
        ('["x"]', ["--source", "WHO"], "--source is 'WHO'; expected 'ORGANISATION | TITLE"),
        ('["x"]', ["--source", "A | B | 2020 | http://x"], "--source.url is 'http://x'"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(
    run: Run, tmp_path: Path, content: str, arguments: list[str], complaint: str
) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(content, encoding="utf-8")

    said = run("import", file, "--into", tmp_path / "laid", *arguments)

    assert said.exit_code == 2
    assert complaint in said.stderr
    assert len(said.stderr.strip().split("\n")) == 1


def test_nothing_is_written_over(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text('["Use plain words."]', encoding="utf-8")
    arguments = ("import", file, "--into", tmp_path / "laid", "--source", SOURCE)
    run(*arguments)

    said = run(*arguments)

    assert said.exit_code == 2
    assert "a folder that has no file of that name yet" in said.stderr


def test_an_unknown_format_and_an_unwritable_file_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    strange = run("export", tmp_path / "x", "--format", "csv")
    unwritable = run("export", tmp_path / "file" / "x")

    assert "--format is 'csv'; expected one of clinalign, principles_v1" in strange.stderr
    assert "cannot be written" in unwritable.stderr
    assert (strange.exit_code, unwritable.exit_code) == (2, 1)
