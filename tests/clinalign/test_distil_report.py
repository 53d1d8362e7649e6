"""What principles cover, told as a table, a picture and a page."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from principle_store.types import Library
from tests.distilling_kit import ALONE, SCENARIO, rubric_rows, written

Run = Callable[..., Result]


@pytest.fixture
def rubrics(tmp_path: Path) -> Path:
    return written(rubric_rows(), tmp_path / "rubrics.jsonl")


@pytest.fixture
def run(data_dir: Path) -> Run:
    settings = {"CLINALIGN_DATA_DIR": str(data_dir), "COLUMNS": "100"}
    runner = CliRunner(env=settings)
    return lambda *arguments: runner.invoke(app, ["principles", *map(str, arguments)])


@pytest.fixture
def distil(run: Run) -> Callable[..., Path]:
    """The file of proposals."""

    def run_it(rubrics: Path, *options: object) -> Path:
        out = rubrics.with_suffix(".yaml")
        said = run("distil", rubrics, "--out", out, "--no-find", *options)
        assert said.exit_code == 0, said.stderr
        return out

    return run_it


def test_a_report_tells_coverage_by_scenario(
    rubrics: Path, distil: Callable[..., Path], run: Run
) -> None:
    proposed = distil(rubrics, "--budget", 2)
    folder = rubrics.parent / "report"

    said = run("report", proposed, "--out", folder, "--json")

    assert said.exit_code == 0, said.stderr
    coverage = json.loads(said.stdout)
    (cell,) = coverage["cells"]
    assert {name: cell[name] for name in SCENARIO} == SCENARIO
    assert (cell["criteria"], cell["covered"]) == (24 + len(ALONE), 12)
    assert [gap["size"] for gap in coverage["gaps"]] == [6, 6]
    with Image.open(folder / "coverage.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10
    page = (folder / "coverage.html").read_text(encoding="utf-8")
    assert "12 of 27" in page
    assert "src=" not in page
    assert "http" not in page


def test_a_report_for_people_is_a_table(
    rubrics: Path, distil: Callable[..., Path], run: Run
) -> None:
    distil(rubrics)

    said = run("report", rubrics.with_suffix(".yaml"), "--out", rubrics.parent / "report")

    assert "task type by urgency" in said.stdout
    assert "24 of 27" in said.stdout
    assert "3 uncovered criteria stand alone." in said.stdout


def test_other_rubrics_can_be_held_against_proposals_or_the_library(
    rubrics: Path,
    library: Library,
    distil: Callable[..., Path],
    run: Run,
) -> None:
    distil(rubrics)
    other = written(rubric_rows()[:2], rubrics.parent / "other.jsonl")
    row = {"criterion": "Anything", "points": 1, "principle_ids": [library.principles[0].id]}
    named = written(
        [{"prompt": "x", "scenario": SCENARIO, "rubrics": [row]}], rubrics.parent / "named.jsonl"
    )
    folder = rubrics.parent / "report"

    by_proposals = run(
        "report", rubrics.with_suffix(".yaml"), "--rubrics", other, "--out", folder, "--json"
    )
    by_library = run("report", "--rubrics", named, "--out", folder, "--json")

    (cell,) = json.loads(by_proposals.stdout)["cells"]
    assert (cell["criteria"], cell["covered"]) == (10, 8)
    supported = {row["id"]: row["support"] for row in json.loads(by_library.stdout)["rows"]}
    assert {id: count for id, count in supported.items() if count} == {library.principles[0].id: 1}


def test_without_anything_given_the_library_is_told(
    run: Run, library: Library, tmp_path: Path
) -> None:
    said = run("report", "--out", tmp_path)

    assert f"{len(library.principles)} principles of library" in (
        (tmp_path / "coverage.html").read_text(encoding="utf-8")
    )
    assert "principles" in said.stdout


def test_the_page_escapes_what_criteria_say(
    tmp_path: Path, distil: Callable[..., Path], run: Run
) -> None:
    rows = rubric_rows()
    for row in rows:
        for one in row["rubrics"]:
            one["criterion"] += " <script> {{rows}}"
    distil(written(rows, tmp_path / "rubrics.jsonl"), "--budget", 1)

    said = run("report", tmp_path / "rubrics.yaml", "--out", tmp_path)

    page = (tmp_path / "coverage.html").read_text(encoding="utf-8")
    assert said.exit_code == 0
    assert "<script" not in page
    assert "&lt;script&gt; {{rows}}" in page


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "expected YAML"),
        ("[]", "a file that `clinalign principles distil` wrote"),
        ("format: clinalign proposed principles", "a list of records"),
        ("format: clinalign proposed principles\nprinciples: []", "made"),
    ],
)
def test_a_file_without_proposals_is_refused(
    tmp_path: Path, run: Run, content: str, complaint: str
) -> None:
    (tmp_path / "some.yaml").write_text(content)

    said = run("report", tmp_path / "some.yaml", "--out", tmp_path / "report")

    assert said.exit_code == 2
    assert complaint in said.stderr
    assert not (tmp_path / "report").exists()
