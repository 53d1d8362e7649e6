"""`train judge` where it cannot start, and a verifier that is wanted and not there."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from clinalign.__main__ import app as clinalign
from clinalign.commands.serve import open_serving
from clinalign.parts import open_server
from clinalign.settings import Settings, who_judges
from clinalign.train_judge_command import judge
from inference.errors import BadInput
from tests.training_runs.planted import named, rows, written

app = typer.Typer()
app.command()(judge)


def refused(*options: str) -> str:
    done = CliRunner().invoke(app, [str(one) for one in options])
    assert done.exit_code == 2
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def verdicts(tmp_path: Path) -> str:
    return str(written(tmp_path, rows(10, named)))


def test_what_it_needs_is_named(verdicts: str) -> None:
    assert "--encoder: expected a folder" in refused(verdicts, "--out", "x")
    assert "--out: expected a folder" in refused(verdicts, "--encoder", "x")
    some = (verdicts, "--encoder", "x", "--out", "y", "--held-out", "1")
    assert "--held-out is 1.0; expected a share between 0 and 1" in refused(*some)


def test_somebody_elses_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine", encoding="utf-8")

    told = refused("absent.jsonl", "--encoder", "x", "--out", str(tmp_path / "out"))

    assert "--out" in told
    assert "expected an empty folder" in told


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    made: list[Any] = [*rows(3, named), {"prompt": "What now?"}]

    file = written(tmp_path, iter(made))
    told = refused(str(file), "--encoder", "x", "--out", str(tmp_path / "out"))

    assert f"VERDICTS {file} line 4" in told
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_a_missing_extra_is_one_sentence(
    verdicts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)

    given = [verdicts, "--encoder", str(tmp_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, given)

    assert done.exit_code == 1
    told = 'transformers is not installed; pip install "clinalign[training]"'
    assert done.stderr == f"clinalign: {told}\n"


@pytest.mark.parametrize("otherwise", ["client", "builtin"])
def test_a_verifier_that_is_chosen_and_not_named_is_told_at_once(
    otherwise: Any, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, judge_choice="distilled")

    with pytest.raises(BadInput, match="set CLINALIGN_JUDGE_FOLDER to a folder"):
        who_judges(settings, otherwise)
    with pytest.raises(BadInput, match="set CLINALIGN_JUDGE_FOLDER to a folder"):
        open_serving(settings)


def test_a_folder_without_a_verifier_is_told_when_the_judge_is_opened(tmp_path: Path) -> None:
    said = {"CLINALIGN_JUDGE": "distilled", "CLINALIGN_JUDGE_FOLDER": str(tmp_path / "none")}
    settings = Settings.from_environment({**said, "CLINALIGN_DATA_DIR": str(tmp_path)})

    assert who_judges(settings, "client") == "distilled"
    with pytest.raises(BadInput, match=r"CLINALIGN_JUDGE_FOLDER is .*verifier\.json"):
        open_server(settings)


def test_the_judge_command_wants_the_folder_too(tmp_path: Path) -> None:
    asked = [{"role": "user", "content": "My chest hurts."}]
    labels = {"prompt": asked, "completion": "Call.", "criterion": "Calls", "labels": [True]}
    (tmp_path / "labels.jsonl").write_text(json.dumps(labels) + "\n", encoding="utf-8")

    command = ["judge", "agreement", "--labels", str(tmp_path / "labels.jsonl")]
    done = CliRunner().invoke(clinalign, [*command, "--judge", "distilled"])

    assert done.exit_code == 2
    assert "CLINALIGN_JUDGE_FOLDER: expected a folder that `clinalign train judge`" in done.stderr
