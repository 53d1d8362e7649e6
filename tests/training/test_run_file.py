"""A run file is read strictly, changed from the command line, and compared with another."""

from pathlib import Path
from typing import Any

import pytest

from inference.errors import BadInput
from tests.conftest import ROOT
from training.run_file import Lora, RunFile, differences, read_run_file

PARTS = {
    "": 'algorithm = "grpo"\nseed = 3',
    "model": 'path = "tiny"',
    "data": 'train = "RUBRICS.jsonl"',
    "trainer": "max_steps = 5\nlearning_rate = 1e-6",
}


def text_of(**parts: str) -> str:
    """A run file with these tables in place of ours; `begin` stands before them all."""
    given = {**PARTS, **{("" if name == "begin" else name): text for name, text in parts.items()}}
    return "\n".join(f"[{name}]\n{text}" if name else text for name, text in given.items())


def run_of(folder: Path, *changes: str, **parts: str) -> RunFile:
    path = folder / "run.toml"
    path.write_text(text_of(**parts), encoding="utf-8")
    return read_run_file(str(path), changes)


def refused(folder: Path, *changes: str, **parts: str) -> str:
    with pytest.raises(BadInput) as told:
        run_of(folder, *changes, **parts)
    return str(told.value)


def test_what_a_file_says_nothing_of_has_its_default(tmp_path: Path) -> None:
    run = run_of(tmp_path)

    assert (run.algorithm, run.seed, run.model.path) == ("grpo", 3, "tiny")
    assert (run.model.dtype, run.model.lora, run.data.eval, run.drift) == (
        "float32",
        None,
        "",
        None,
    )
    assert (run.reward.at_once, run.reward.least_coverage) == (32, 1.0)
    assert run.trainer == {"max_steps": 5, "learning_rate": 1e-6}


def test_tables_within_tables_are_read(tmp_path: Path) -> None:
    lora = 'path = "tiny"\n[model.lora]\nrank = 4\ntargets = ["q_proj", "v_proj"]'
    run = run_of(tmp_path, model=lora, drift="share = 0.25", reward="scale = 'clipped'")

    assert run.model.lora == Lora(rank=4, alpha=64, targets=("q_proj", "v_proj"))
    assert run.drift is not None
    assert (run.drift.share, run.drift.held_out) == (0.25, 0.2)
    assert run.reward.scale == "clipped"


@pytest.mark.parametrize(
    ("parts", "place", "expected"),
    [
        ({"begin": 'algorithm = "grpo"\nsteps = 5'}, "run.toml.steps", "no field of that name"),
        ({"model": 'path = "a"\nquantize = 4'}, "run.toml.model.quantize", "no field of that name"),
        ({"model": 'dtype = "float32"'}, "run.toml.model.path", "a value; it is missing"),
        ({"model": 'path = ""'}, "run.toml.model.path", "at least 1 character"),
        ({"model": 'path = "a"\ndtype = "int8"'}, "run.toml.model.dtype", "'bfloat16'"),
        ({"begin": 'algorithm = "ppo"'}, "run.toml.algorithm is 'ppo'", "'sft', 'dpo' or 'grpo'"),
        ({"begin": "seed = 1"}, "run.toml.algorithm", "a value; it is missing"),
        ({"begin": 'algorithm = "grpo"\nseed = "1"'}, "run.toml.seed is '1'", "a valid integer"),
        ({"begin": 'algorithm = "grpo"\nseed = -1'}, "run.toml.seed is -1", "equal to 0"),
        ({"reward": "at_once = 0"}, "run.toml.reward.at_once is 0", "equal to 1"),
        ({"reward": "most_ungraded = 1.0"}, "run.toml.reward.most_ungraded is 1.0", "less than 1"),
        ({"data": "train = 5"}, "run.toml.data.train is 5", "a valid string"),
        ({"data.curriculum": 'easy_first = "yes"'}, "curriculum.easy_first is 'yes'", "boolean"),
        ({"data.scaffold": "until = 0.0"}, "run.toml.data.scaffold.until is 0.0", "than 0"),
        ({"reward.overlong": "free = 9\nmost = 9"}, "run.toml.reward.overlong", "`most` above"),
    ],
)
def test_a_field_that_cannot_be_is_named_with_what_was_expected(
    parts: dict[str, str], place: str, expected: str, tmp_path: Path
) -> None:
    said = refused(tmp_path, **parts)

    assert place in said
    assert expected in said


@pytest.mark.parametrize("algorithm", ["sft", "dpo"])
@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("reward", "at_once = 8"),
        ("drift", ""),
        ("data.curriculum", ""),
        ("data.scaffold", ""),
    ],
)
def test_what_only_rewards_need_is_refused_where_there_are_none(
    algorithm: str, table: str, text: str, tmp_path: Path
) -> None:
    parts = {"begin": f'algorithm = "{algorithm}"', table: text}

    assert f"no [{table}]: it is for grpo, and this is {algorithm}" in refused(tmp_path, **parts)


def test_what_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('algorithm = "grpo"\nseed = 1\n[model\npath = "a"\n', encoding="utf-8")

    with pytest.raises(BadInput, match=r"run file .*run\.toml: expected a TOML file \(.*line 3"):
        read_run_file(str(path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "a file that can be read (No such file or directory)"), (b"\xff\xfe", "in UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(BadInput) as told:
        read_run_file(str(path))
    assert str(path) in str(told.value)
    assert expected in str(told.value)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("trainer.max_steps=20", 20),
        ("trainer.max_steps = 20", 20),
        ("trainer.learning_rate=5e-7", 5e-7),
        ("trainer.use_vllm=true", True),
        ("trainer.loss_type=dr_grpo", "dr_grpo"),
        ("trainer.loss_type='dr_grpo'", "dr_grpo"),
        ("trainer.run_name=a b=c", "a b=c"),
        ("trainer.run_name=", ""),
        ("trainer.loss_type=['sigmoid', 'sft']", ["sigmoid", "sft"]),
        ("trainer.optim_args={beta = 0.5}", {"beta": 0.5}),
    ],
)
def test_a_change_is_read_as_toml_and_else_as_text(
    change: str, found: object, tmp_path: Path
) -> None:
    name = change.split("=")[0].strip().removeprefix("trainer.")

    run = run_of(tmp_path, change)

    assert run.trainer == {"max_steps": 5, "learning_rate": 1e-6, name: found}


def test_changes_reach_any_table_and_make_those_that_are_not_there(tmp_path: Path) -> None:
    changes = ("seed=9", "model.path=Qwen/Qwen3-4B", "model.lora.rank=8", "drift.share=0.5")

    run = run_of(tmp_path, *changes)

    assert (run.seed, run.model.path) == (9, "Qwen/Qwen3-4B")
    assert run.model.lora == Lora(rank=8)
    assert run.drift is not None
    assert run.drift.share == 0.5


def test_of_two_changes_the_later_one_counts(tmp_path: Path) -> None:
    assert run_of(tmp_path, "seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("trainer.max_steps", "name=value"),
        ("=20", "name=value"),
        ("trainer.=20", "name=value"),
        ("seed.first=1", "a table named seed"),
        ("model.path.name=tiny", "a table named path"),
    ],
)
def test_a_change_that_is_none_is_shown_with_the_way_out(
    change: str, expected: str, tmp_path: Path
) -> None:
    said = refused(tmp_path, change)

    assert said.startswith(f"--set is {change!r}; expected ")
    assert expected in said


def test_a_change_is_as_strict_as_the_file(tmp_path: Path) -> None:
    assert "run.toml.model.pth: expected no field" in refused(tmp_path, "model.pth=tiny")
    assert "run.toml.seed is 'one'" in refused(tmp_path, "seed=one")


SAME: dict[str, Any] = {"seed": 1, "trainer": {"max_steps": 5, "optim": {"name": "adamw"}}}


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (SAME, []),
        ({**SAME, "seed": 2}, ["seed"]),
        ({**SAME, "drift": {"share": 0.5}}, ["drift"]),
        ({**SAME, "drift": None}, []),
        ({"seed": 1}, ["trainer"]),
        (
            {"seed": 2, "trainer": {"max_steps": 6, "optim": {"name": "sgd"}, "beta": 0.1}},
            ["seed", "trainer.beta", "trainer.max_steps", "trainer.optim.name"],
        ),
    ],
)
def test_runs_differ_in_the_settings_that_are_named(
    other: dict[str, Any], found: list[str]
) -> None:
    assert differences(SAME, other) == found
    assert differences(other, SAME) == found


def test_every_recipe_of_the_house_can_be_read() -> None:
    recipes = sorted((ROOT / "training" / "runs").glob("*.toml"))

    read = {path.stem: read_run_file(str(path)).algorithm for path in recipes}

    assert read
    assert {name: name.rpartition("-")[2] for name in read} == read
