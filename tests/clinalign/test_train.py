"""`clinalign train` as typed: what it refuses before anything is loaded, and what it leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from tests.conftest import ROOT

ALGORITHMS = ("sft", "dpo", "grpo")
QUESTION = {"prompt": "My chest hurts.", "rubrics": [{"criterion": "Says to call", "points": 8}]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands run: empty but for what a test puts there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def run_file(folder: Path, algorithm: str = "grpo") -> str:
    """A run file and the rows it names, in the folder."""
    (folder / "RUBRICS.jsonl").write_text(json.dumps(QUESTION) + "\n", encoding="utf-8")
    text = (
        f'algorithm = "{algorithm}"\n[model]\npath = "tiny"\n[data]\ntrain = "RUBRICS.jsonl"\n'
        "[assumed]\nparameters = 1e6\n"
    )
    (folder / "first.toml").write_text(text, encoding="utf-8")
    return "first.toml"


def trained(*words: str) -> Result:
    return CliRunner().invoke(app, ["train", *words])


def made(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", "CLINALIGN_JUDGE_BASE_URL: expected a judge model's address; "),
        ("builtin", "CLINALIGN_JUDGE is 'builtin'; expected auto, model or distilled; "),
    ],
)
def test_rewards_without_a_judge_model_are_refused_with_the_way_out(
    choice: str, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = run_file(folder)
    monkeypatch.setenv("CLINALIGN_JUDGE", choice)

    said = trained("grpo", file, "--out", "out")

    assert said.exit_code == 2
    reason = "the built-in judge reads words, and must not teach"
    assert said.stderr == f"clinalign: {told}{reason}\n"
    assert said.stdout == ""
    assert made(folder) == ["RUBRICS.jsonl", "first.toml"]


@pytest.mark.parametrize("asked", ALGORITHMS)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_run_file_of_another_algorithm_is_told_its_own_command(
    asked: str, options: tuple[str, ...], folder: Path
) -> None:
    other = "dpo" if asked == "sft" else "sft"
    file = run_file(folder, other)

    said = trained(asked, file, *options)

    assert said.exit_code == 2
    assert said.stderr == (
        f"clinalign: run file first.toml: algorithm is '{other}'; "
        f"expected {asked}; this file is for `clinalign train {other}`\n"
    )
    assert made(folder) == ["RUBRICS.jsonl", "first.toml"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_run_file_that_is_not_there_is_named(
    algorithm: str, options: tuple[str, ...], folder: Path
) -> None:
    said = trained(algorithm, "absent.toml", *options)

    assert said.exit_code == 2
    assert said.stderr == (
        "clinalign: run file absent.toml: expected a file that can be read "
        "(No such file or directory)\n"
    )
    assert made(folder) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("trainer.max_steps", "--set is 'trainer.max_steps'; expected name=value"),
        ("seed=one", "run file first.toml.seed is 'one'; expected a valid integer"),
        ("trainr.beta=1", "run file first.toml.trainr: expected no field of that name"),
    ],
)
def test_a_setting_that_cannot_be_changed_so_is_named(change: str, told: str, folder: Path) -> None:
    said = trained("grpo", run_file(folder), "--set", "seed=1", "--set", change, "--out", "out")

    assert said.exit_code == 2
    assert said.stderr.startswith(f"clinalign: {told}")
    assert made(folder) == ["RUBRICS.jsonl", "first.toml"]


@pytest.mark.parametrize(
    ("words", "library"), [(("sft",), "torch"), (("grpo", "--dry-run"), "trl")]
)
def test_without_the_extra_the_way_to_get_it_is_told(
    words: tuple[str, ...], library: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    file = run_file(folder, words[0])

    said = trained(*words, file, "--out", "out")

    assert said.exit_code == 1
    assert said.stderr == (
        f'clinalign: {library} is not installed; pip install "clinalign[training]"\n'
    )
    assert made(folder) == ["RUBRICS.jsonl", "first.toml"]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_a_run_gets_no_card(there: bool, folder: Path) -> None:
    if there:
        (folder / "run").mkdir()

    said = trained("card", "run")

    assert said.exit_code == 2
    assert said.stderr == (
        "clinalign: RUN is 'run'; "
        "expected the folder of a run that has ended; it has no record.json\n"
    )
    assert made(folder) == (["run"] if there else [])
    assert not there or made(folder / "run") == []


def test_a_card_is_written_beside_the_model(folder: Path) -> None:
    record = {
        "run": {
            "algorithm": "sft",
            "seed": 0,
            "model": {"path": "tiny", "lora": None},
            "trainer": {"max_steps": 5},
        },
        "data": {"train": {"path": "BEST.jsonl", "sha256": "ab" * 32}},
        "commit": "0123abc",
        "versions": {"trl": "1.16.0"},
        "library": "",
    }
    result = {"steps": 5, "why": "finished", "judges": [], "examiners": []}
    (folder / "run").mkdir()
    for name, content in {"record": record, "result": result}.items():
        (folder / "run" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    said = trained("card", "run")

    card = Path("run", "model", "README.md")
    assert (said.exit_code, said.stdout) == (0, f"{card}\n"), said.stderr
    assert "by supervised fine-tuning (all weights), 5 steps, seed 0" in card.read_text("utf-8")


@pytest.mark.parametrize("words", [("train", "--help"), ("train", "grpo", "--help")])
def test_help_is_given_without_loading_what_trains(words: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from clinalign.__main__ import app\n"
        f"said = CliRunner().invoke(app, {list(words)})\n"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'accelerate', 'matplotlib', 'mcp'}\n"
        "print(said.exit_code, 'dpo' in said.stdout or '--dry-run' in said.stdout)\n"
        "print(sorted(heavy & {*sys.modules}))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert run.stdout.splitlines() == ["0 True", "[]"], run.stderr


def test_what_is_refused_at_once_loads_nothing_that_trains(folder: Path) -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from clinalign.__main__ import app\n"
        "said = CliRunner().invoke(app, ['train', 'sft', 'absent.toml'])\n"
        "print(said.exit_code, sorted({'torch', 'transformers', 'trl'} & {*sys.modules}))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert run.stdout == "2 []\n", run.stderr
