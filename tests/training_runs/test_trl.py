"""What TRL, as it is installed, makes of a reward that is `None`."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training_runs.conftest import Opens
from tests.training_runs.kit import AGE, RuleJudge, chatter, run_file, trained, write_rows
from training.callbacks import Watching
from training.quiet import quiet
from training.run_file import read_run_file
from training.run_folder import RunFolder
from training.trainers import grpo

pytestmark = pytest.mark.training

SETTINGS = {
    "max_steps": 2,
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "max_completion_length": 16,
    "learning_rate": 1e-3,
    "save_strategy": "no",
}


def moved(speaks: Any, world: dict[str, str], folder: Path, *functions: Any) -> bool:
    """Whether a run with these reward functions changes the weights."""
    quiet()
    data = {"train": world["train"]}
    file = run_file(folder / "run.toml", "grpo", speaks(0), data=data, trainer=SETTINGS)
    watching = Watching(RunFolder(folder), lambda *_: None)
    trainer = grpo(read_run_file(str(file)), folder / "out", watching, lambda *_: functions[0])
    trainer.reward_funcs = list(functions)
    trainer.reward_func_names = [one.__name__ for one in functions]
    trainer.reward_weights = torch.ones(len(functions))
    trainer.reward_processing_classes = [None] * len(functions)
    before = [one.detach().clone() for one in trainer.model.parameters()]
    trainer.train()
    after = [one.detach().cpu() for one in trainer.model.parameters()]
    return any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def nothing(completions: list[Any], **_: Any) -> list[None]:
    return [None] * len(completions)


def by_place(completions: list[Any], **_: Any) -> list[float]:
    return [float(place) for place in range(len(completions))]


def test_a_sample_without_a_reward_moves_nothing(
    speaks: Any, world: dict[str, str], tmp_path: Path
) -> None:
    assert not moved(speaks, world, tmp_path, nothing)


def test_a_second_reward_function_would_reward_what_nobody_judged(
    speaks: Any, world: dict[str, str], tmp_path: Path
) -> None:
    # Why length and form are terms of the one reward, not functions of their own.
    assert moved(speaks, world, tmp_path, nothing, by_place)


def test_a_judge_that_always_fails_teaches_nothing_and_leaks_nothing(
    speaks: Any,
    world: dict[str, str],
    opens: Opens,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = speaks(0)
    data = {"train": world["train"]}
    file = run_file(tmp_path / "run.toml", "grpo", model, data=data, trainer=SETTINGS)

    ended = trained(file, tmp_path / "run", opens(RuleJudge(fails=lambda _: True)))

    assert ended.figures["reward/ungraded"] == 1.0
    assert weights(tmp_path / "run" / "model") == weights(model)
    assert "I have" not in caplog.text
    assert AGE not in caplog.text


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_adapters_alone_are_trained_where_lora_is_asked_for(
    speaks: Any, opens: Opens, world: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    data = {"train": world["train"]}
    adapters: dict[str, Any] = {"model.lora": {"rank": 4}}
    run_file(file, "grpo", speaks(0), data=data, trainer=SETTINGS, **adapters)

    trained(file, tmp_path / "run", opens(RuleJudge()))

    assert (tmp_path / "run" / "model" / "adapter_config.json").is_file()
    assert not (tmp_path / "run" / "model" / "model.safetensors").exists()


def test_lessons_are_learnt_from_their_completions_alone(speaks: Any, tmp_path: Path) -> None:
    said = chatter(7, 16)
    lessons = write_rows(tmp_path / "lessons.jsonl", said)
    settings = {"max_steps": 3, "per_device_train_batch_size": 8, "save_strategy": "no"}
    file = tmp_path / "sft.toml"
    run_file(file, "sft", speaks(0), data={"train": str(lessons)}, trainer=settings)

    trained(file, tmp_path / "run")

    logged = [row["loss"] for row in RunFolder(tmp_path / "run").rows("log.jsonl") if "loss" in row]
    assert 0 < logged[0] < 1  # it knows the sentences; the questions, which vary, it does not
