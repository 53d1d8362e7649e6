"""HealthBench's arithmetic, by hand and against a file of the official evaluator."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from evaluation.aggregate import Graded, aggregated
from inference.errors import BadInput
from tests.conftest import SHARED


def row(*met: bool | None, tags: tuple[str, ...] = ("theme:x",)) -> dict[str, Any]:
    """An example of criteria worth 6, 4 and -5; the last has the axis alone."""
    rubrics = [
        {"criterion": "a", "points": 6, "tags": ["level:example", "axis:accuracy"]},
        {"criterion": "b", "points": 4, "tags": ["level:example", "axis:completeness"]},
        {"criterion": "c", "points": -5, "tags": ["level:example", "axis:communication_quality"]},
    ]
    return {"example_tags": list(tags), "rubrics": rubrics, "criteria_met": list(met)}


def graded(*rows: dict[str, Any]) -> list[Graded]:
    return [Graded.of(one, "row") for one in rows]


def test_an_example_is_not_clipped_and_the_mean_is() -> None:
    harmful, good = row(False, False, True), row(True, True, False)

    alone = aggregated(graded(harmful))
    both = aggregated(graded(harmful, good))

    assert alone.score == 0.0  # -5 / 10, clipped
    assert both.score == pytest.approx((-5 / 10 + 10 / 10) / 2)


def test_a_tag_has_its_own_points_beneath_it_and_may_have_none() -> None:
    found = aggregated(graded(row(True, False, True), row(True, True, False))).metrics

    assert found["axis:accuracy"] == pytest.approx((6 / 6 + 6 / 6) / 2)
    assert found["axis:completeness"] == pytest.approx((0 / 4 + 4 / 4) / 2)
    assert found["level:example"] == pytest.approx(((6 - 5) / 10 + 10 / 10) / 2)
    assert "axis:communication_quality" not in found  # it has no positive points


def test_the_tags_of_an_example_have_its_whole_score() -> None:
    rows = row(True, False, False, tags=("theme:x",)), row(False, True, False, tags=("theme:y",))

    found = aggregated(graded(*rows)).metrics

    assert (found["theme:x"], found["theme:y"]) == (6 / 10, 4 / 10)
    assert (found["theme:x:n_samples"], found["overall_score:n_samples"]) == (1, 2)


def test_an_open_criterion_leaves_its_example_out_and_is_counted() -> None:
    found = aggregated(graded(row(True, None, False), row(True, False, False)))

    assert (found.score, found.ungraded) == (6 / 10, 1)
    assert found.metrics["overall_score:n_samples"] == 1


def test_where_nothing_was_graded_there_is_no_score() -> None:
    found = aggregated(graded(row(None, True, True)))

    assert (found.score, found.metrics, found.ungraded) == (None, {}, 1)


def test_the_bootstrap_is_that_of_numpys_seed() -> None:
    rows = [row(True, True, False), row(True, False, False), row(False, True, True)]
    values = [1.0, 0.6, -0.1]
    drawn = np.random.RandomState(7)
    means = [np.clip(np.mean(drawn.choice(values, 3)), 0, 1) for _ in range(1000)]

    found = aggregated(graded(*rows), seed=7).metrics

    assert found["overall_score:bootstrap_std"] == pytest.approx(np.std(means))


def test_a_file_of_the_official_evaluator_comes_out_the_same() -> None:
    file = SHARED / "data" / "healthbench_official_output_example.json"
    if not file.is_file():
        pytest.skip("the sample data is not here; set CLINALIGN_SHARED_DIR")
    official = json.loads(file.read_text(encoding="utf-8"))
    names = [name for name in official["metrics"] if ":n_samples" not in name]
    tags = [name for name in names if name.startswith(("theme:", "physician_agreed_category:"))]
    tags = [name for name in tags if not name.endswith(":bootstrap_std")]
    rows = [
        {
            "example_tags": tags,
            "rubrics": [
                {name: item[name] for name in ("criterion", "points", "tags")}
                for item in example["rubric_items"]
            ],
            "criteria_met": [item["criteria_met"] for item in example["rubric_items"]],
        }
        for example in official["metadata"]["example_level_metadata"]
    ]

    found = aggregated(graded(*rows))

    assert found.score == official["score"]
    assert set(found.metrics) == set(official["metrics"])
    for name, value in official["metrics"].items():
        if name.endswith(":bootstrap_std"):  # its generator was not seeded
            assert found.metrics[name] == pytest.approx(value, rel=0.15, abs=1e-12)
        else:
            assert found.metrics[name] == value


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"criteria_met": [True]}, "criteria_met is 1; expected one for each of the 3 criteria"),
        ({"criteria_met": [True, 1, False]}, "criteria_met"),
        ({"criteria_met": [True, "true", False]}, "criteria_met"),
        ({"example_tags": ["theme:x", "theme:x"]}, "example_tags: expected each tag once"),
        (
            {
                "rubrics": [{"criterion": "a", "points": -5, "tags": []}],
                "criteria_met": [True],
            },
            "rubrics: expected a criterion with positive points",
        ),
        ({"rubrics": [{"criterion": "a", "points": 5, "tags": ["x", "x"]}]}, "tags"),
    ],
)
def test_a_row_that_has_no_score_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Graded.of(row(True, False, True) | change, "row")


def evaluated(*words: str) -> Result:
    return CliRunner().invoke(app, ["eval", *words])


def written(folder: Path, *rows: Any) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


def test_the_command_prints_score_metrics_and_the_ungraded(tmp_path: Path) -> None:
    file = written(tmp_path, row(True, False, False), row(None, True, True))

    found = json.loads(evaluated("aggregate", file, "--json").stdout)

    assert list(found) == ["score", "metrics", "ungraded"]
    assert (found["score"], found["ungraded"]) == (0.6, 1)
    assert list(found["metrics"])[:3] == [
        "overall_score",
        "overall_score:n_samples",
        "overall_score:bootstrap_std",
    ]


def test_the_same_seed_gives_the_same_errors(tmp_path: Path) -> None:
    file = written(tmp_path, row(True, False, False), row(False, True, True))

    first, again, other = (
        evaluated("aggregate", file, "--json", "--seed", seed).stdout for seed in "112"
    )

    assert first == again
    assert first != other


def test_people_see_a_table_and_how_many_are_ungraded(tmp_path: Path) -> None:
    file = written(tmp_path, row(True, False, False), row(None, True, True))

    said = evaluated("aggregate", file)

    assert "overall_score" in said.stdout
    assert "0.600" in said.stdout
    assert "1 of 2 rows are ungraded" in said.stdout


@pytest.mark.parametrize("rows", [[], [row(True)]])
def test_a_file_that_cannot_be_used_says_where(rows: list[Any], tmp_path: Path) -> None:
    said = evaluated("aggregate", written(tmp_path, *rows), "--json")

    assert said.exit_code == 2
    assert "rows.jsonl" in said.stderr
    assert said.stdout == ""
