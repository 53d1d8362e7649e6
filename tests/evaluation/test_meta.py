"""The meta-evaluation's arithmetic, with the sums written out."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clinalign.__main__ import app
from evaluation.meta import Predicted, agreements


def said(prediction: bool | None, *labels: bool, category: str = "cluster:a") -> Predicted:
    return Predicted(category=category, prediction=prediction, labels=labels)


def test_each_pair_of_prediction_and_label_counts_once() -> None:
    found = agreements([said(True, True, False), said(False, False), said(False, True)]).metrics

    # Pairs: (MET, met), (MET, unmet), (UNMET, unmet), (UNMET, met).
    assert found["pairwise_model_precision_pos"] == 1 / 2
    assert found["pairwise_model_recall_pos"] == 1 / 2
    assert found["pairwise_model_precision_neg"] == 1 / 2
    assert found["pairwise_model_recall_neg"] == 1 / 2
    assert found["pairwise_model_f1_balanced"] == 1 / 2


def test_the_headline_pools_all_pairs_and_is_no_mean_of_categories() -> None:
    many = [said(True, True), said(False, False)] * 9
    few = [said(True, False, category="cluster:b"), said(False, True, category="cluster:b")]

    found = agreements([*many, *few]).metrics

    assert next(iter(found)) == "pairwise_model_f1_balanced"
    assert found["pairwise_model_f1_balanced"] == pytest.approx(9 / 10)
    assert found["cluster:a: pairwise_model_f1_balanced"] == 1.0
    assert found["cluster:b: pairwise_model_f1_balanced"] == 0.0


def test_a_figure_without_data_is_absent() -> None:
    found = agreements([said(True, True, False)]).metrics

    assert found["pairwise_model_f1_pos"] == pytest.approx(2 * (1 / 2) * 1 / (1 / 2 + 1))
    assert found["pairwise_model_recall_neg"] == 0.0
    assert "pairwise_model_precision_neg" not in found
    assert "pairwise_model_f1_neg" not in found
    assert "pairwise_model_f1_balanced" not in found


def test_a_prediction_that_is_none_is_in_no_figure_and_counted() -> None:
    found = agreements([said(None, True, True), said(True, True), said(False, False)])

    assert found.ungraded == 1
    assert found.metrics["pairwise_model_f1_balanced"] == 1.0


def test_the_command_prints_the_headline_first(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"category": "cluster:a", "prediction": True, "labels": [True], "prompt": "of no use"},
        {"category": "cluster:a", "prediction": None, "labels": [False]},
        {"category": "cluster:a", "prediction": False, "labels": [False, True]},
    ]
    file = tmp_path / "v.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")

    found = json.loads(
        CliRunner().invoke(app, ["eval", "meta", "--from-verdicts", str(file), "--json"]).stdout
    )

    assert next(iter(found["metrics"])) == "pairwise_model_f1_balanced"
    assert found["ungraded"] == 1


@pytest.mark.parametrize(
    "change", [{"labels": []}, {"labels": ["yes"]}, {"prediction": 1}, {"category": 3}]
)
def test_a_row_that_cannot_be_used_is_named(change: dict[str, Any], tmp_path: Path) -> None:
    row = {"category": "cluster:a", "prediction": True, "labels": [True]} | change
    file = tmp_path / "v.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")

    answer = CliRunner().invoke(app, ["eval", "meta", "--from-verdicts", str(file)])

    assert answer.exit_code == 2
    assert "line 1" in answer.stderr
