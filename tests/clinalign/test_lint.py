import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app

BAD = {"criterion": "Advises giving aspirin to an infant", "points": 5}
GOOD = {"criterion": "Asks how old the child is", "points": 5}


def linted(path: Path, content: Any, *options: str) -> Result:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    path.write_text(text, "utf-8")
    return CliRunner().invoke(app, ["rubrics", "lint", str(path), *options])


def test_each_finding_comes_with_line_reason_and_way_out(tmp_path: Path) -> None:
    done = linted(tmp_path / "rubric.json", [GOOD, BAD])

    assert done.exit_code == 1
    assert f"{tmp_path / 'rubric.json'}:6: sign: Advises giving aspirin to an infant" in done.stdout
    assert "reads like something bad, and it earns 5 points; give it negative points" in done.stdout
    assert "1 findings" in done.stderr


def test_nothing_wrong_is_said_so(tmp_path: Path) -> None:
    done = linted(tmp_path / "rubric.json", [GOOD])

    assert (done.exit_code, done.stderr) == (0, "")
    assert "nothing found" in done.stdout


def test_rows_of_a_jsonl_file_are_linted_with_the_answers_they_bring(tmp_path: Path) -> None:
    leak = {"criterion": "Says to sit down while you wait for the ambulance", "points": 3}
    rows = [
        {"rubrics": [GOOD, GOOD | {"points": 2}]},
        {"rubrics": [leak], "completion": "Sit down while you wait for the ambulance to come."},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)

    done = linted(tmp_path / "rows.jsonl", text, "--json")

    found = [(one["line"], one["kind"]) for one in json.loads(done.stdout)]
    assert found == [(1, "duplicate"), (2, "leak")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[{"criterion": "x"}]', "rubrics[0].points: expected a value"),
        ("[", "expected a JSON file"),
        ("{}", "expected an object with `rubrics`"),
        ('{"rubrics": []}', "at least one criterion"),
        ("nonsense", "line 1: expected a JSON file"),
    ],
)
def test_a_file_that_is_no_rubric_is_told(tmp_path: Path, content: str, complaint: str) -> None:
    done = linted(tmp_path / "rubric.json", content)

    assert done.exit_code == 2
    assert complaint in done.stderr
