import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app

RUBRIC = [
    {"criterion": "Calls", "points": 7, "tags": ["axis:accuracy"]},
    {"criterion": "Asks", "points": 5, "tags": ["axis:completeness"]},
    {"criterion": "Waits", "points": -6, "tags": ["axis:accuracy"]},
]


def said(*values: str) -> list[dict[str, str]]:
    return [{"criterion_id": f"c{n}", "verdict": value} for n, value in enumerate(values, start=1)]


def scored(folder: Path, rubric: Any, verdicts: Any, *options: str) -> Result:
    paths = []
    for name, content in (("rubric", rubric), ("verdicts", verdicts)):
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        paths += [f"--{name}", str(path)]
    return CliRunner().invoke(app, ["score", *paths, *options])


def test_json_gives_the_sums_and_the_shares(tmp_path: Path) -> None:
    done = scored(tmp_path, RUBRIC, said("MET", "UNMET", "MET"), "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "earned": 7 - 6,
        "possible": 7 + 5,
        "fraction": (7 - 6) / 12,
        "lower": (7 - 6) / 12,
        "upper": (7 - 6) / 12,
        "coverage": 1.0,
        "tags": {"axis:accuracy": (7 - 6) / 7, "axis:completeness": 0.0},
    }


def test_an_open_criterion_leaves_bounds_and_partial_closes_them(tmp_path: Path) -> None:
    verdicts = said("MET", "ABSTAIN", "UNMET")

    whole = json.loads(scored(tmp_path, RUBRIC, verdicts, "--json").stdout)
    partial = json.loads(scored(tmp_path, RUBRIC, verdicts, "--json", "--partial").stdout)

    assert (whole["fraction"], whole["lower"], whole["upper"]) == (None, 7 / 12, 1)
    assert (partial["fraction"], partial["coverage"]) == (1, 2 / 3)


def test_people_see_a_line_a_figure(tmp_path: Path) -> None:
    done = scored(tmp_path, RUBRIC, said("MET", "UNMET", "UNMET"))

    assert "58%" in done.stdout
    assert "7 of 12" in done.stdout
    assert "axis:accuracy" in done.stdout


@pytest.mark.parametrize(
    ("rubric", "verdicts", "complaint"),
    [
        ([{"criterion": "x", "points": 0}], [], "rubric[0].points is 0; expected a number from"),
        ([{"points": 1}], [], "rubric[0].criterion: expected a value; it is missing"),
        ("not json", [], "rubric.json: expected a JSON file (line 1, column 1"),
        (RUBRIC, "[", "verdicts.json: expected a JSON file"),
        (RUBRIC, said("MET"), "exactly one verdict for each criterion of the rubric (missing: c2"),
        (RUBRIC, [*said("MET", "MET", "MET"), *said("MET")], "given twice: c1"),
        (
            RUBRIC,
            [*said("MET", "MET", "MET"), {"criterion_id": "c9", "verdict": "MET"}],
            "not in the rubric: c9",
        ),
        (RUBRIC, said("MET", "met", "MET"), "verdicts[1].verdict is 'met'; expected one of 'MET'"),
        (RUBRIC, [{"criterion_id": "c1"}], "verdicts[0].verdict: expected a value; it is missing"),
        (RUBRIC, {"c1": "MET"}, "verdicts: expected"),
    ],
)
def test_files_that_do_not_fit_are_told_in_one_sentence(
    tmp_path: Path, rubric: Any, verdicts: Any, complaint: str
) -> None:
    done = scored(tmp_path, rubric, verdicts, "--json")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
