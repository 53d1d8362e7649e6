"""Builds TRL's trainers for a run: the only module that knows how each of them is put together."""

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from inference.errors import BadInput
from training.callbacks import Watching
from training.run_data import (
    Task,
    lessons_of,
    pairs_of,
    rollout_row,
    rollout_rows,
    tasks_of,
    worth_their_time,
)
from training.run_file import RunFile
from training.trainer_settings import configured, settings_of

TRAIN, EVAL = "data.train", "data.eval"
MakesReward = Callable[[Sequence[Task], Callable[[Sequence[int]], bool]], Any]
"""Makes the reward function of tasks, and of what tells whether a completion has ended."""


def tasks_for(run: RunFile) -> tuple[list[Task], list[Task]]:
    """The questions to learn from, and those to measure by.

    Raises:
        BadInput: a file cannot be used, or a question is in both.
    """
    taught = tasks_of(run.data.train, TRAIN)
    measured = tasks_of(run.data.eval, EVAL) if run.data.eval else []
    if shared := {one.asked for one in taught} & {one.asked for one in measured}:
        raise BadInput(EVAL, f"questions that are not trained on; {len(shared)} are")
    if run.data.curriculum:
        taught = worth_their_time(taught, run.data.curriculum)
    return taught, measured


def grpo(run: RunFile, checkpoints: Path, watching: Watching, makes_reward: MakesReward) -> Any:
    """A trainer that learns from rewards.

    Raises:
        BadInput: the run cannot be done as it is written.
    """
    from trl import GRPOConfig, GRPOTrainer

    taught, measured = tasks_for(run)
    config = _config(GRPOConfig, run, checkpoints)
    number = prompts_needed(config, len(taught))
    in_order = bool(run.data.curriculum and run.data.curriculum.easy_first)
    rows = rollout_rows(taught, number, run.seed, in_order, run.data.scaffold)
    if config.max_steps <= 0:
        config.num_train_epochs = 1.0  # its epochs are in the rows already
    _refuse_split_groups(run, config)
    tokenizer = _tokenizer(run)
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    return _built(
        GRPOTrainer,
        run,
        config,
        watching,
        train_dataset=_dataset(rows),
        eval_dataset=_dataset(rollout_row(one, held=True) for one in measured),
        reward_funcs=makes_reward([*taught, *measured], lambda ids: bool(ids) and ids[-1] in ends),
        processing_class=tokenizer,
    )


def sft(run: RunFile, checkpoints: Path, watching: Watching) -> Any:
    """A trainer that learns to say what good answers say.

    Raises:
        BadInput: the run cannot be done as it is written.
    """
    from trl import SFTConfig, SFTTrainer

    config = _config(SFTConfig, run, checkpoints)
    rows = {name: lessons_of(path, name) for name, path in _paths(run)}
    return _built(SFTTrainer, run, config, watching, **_datasets(rows))


def dpo(run: RunFile, checkpoints: Path, watching: Watching) -> Any:
    """A trainer that learns from preferences.

    Raises:
        BadInput: the run cannot be done as it is written.
    """
    from trl import DPOConfig, DPOTrainer

    config = _config(DPOConfig, run, checkpoints)
    rows = {name: pairs_of(path, name) for name, path in _paths(run)}
    return _built(DPOTrainer, run, config, watching, **_datasets(rows))


def prompts_needed(config: Any, questions: int) -> int:
    """How many prompts the run takes, each repeated for its group.

    Whole batches of them: TRL would leave out what fills none.
    """
    groups = config.generation_batch_size // config.num_generations
    if config.max_steps <= 0:
        return int(groups * ceil(float(config.num_train_epochs) * questions / groups))
    generations = config.max_steps * config.gradient_accumulation_steps
    rounds = -(-generations // (config.steps_per_generation * config.num_iterations))
    return max(1, int(rounds * groups))


def _built(kind: Any, run: RunFile, config: Any, watching: Watching, **parts: Any) -> Any:
    from transformers import PrinterCallback

    given = {name: part for name, part in parts.items() if part is not None}
    about = {"model": run.model.path, "args": config, "peft_config": _lora(run)}
    try:
        made = kind(**about, callbacks=[watching], **given)
        made.remove_callback(PrinterCallback)  # `watching` tells
        return made
    except (ValueError, TypeError, OSError, ImportError) as error:
        told = str(error).split("\n")[0][:300]
        raise BadInput("run file", f"a run that TRL takes: {told}") from error


def _config(kind: Any, run: RunFile, checkpoints: Path) -> Any:
    import torch

    return configured(kind, settings_of(run, checkpoints, torch.cuda.is_available()))


def _tokenizer(run: RunFile) -> Any:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(run.model.path)
    except (OSError, ValueError) as error:
        told = str(error).split("\n")[0][:200]
        raise BadInput("model.path", f"a model on this machine ({told})", run.model.path) from None
    if not found.chat_template:
        raise BadInput("model.path", "a model with a chat template", run.model.path)
    if found.pad_token is None:
        found.pad_token = found.eos_token
    return found


def _lora(run: RunFile) -> Any:
    if run.model.lora is None:
        return None
    from peft import LoraConfig

    lora, targets = run.model.lora, run.model.lora.targets
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def _paths(run: RunFile) -> list[tuple[str, str]]:
    return [(TRAIN, run.data.train), *([(EVAL, run.data.eval)] if run.data.eval else [])]


def _datasets(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"train_dataset": _dataset(rows[TRAIN]), "eval_dataset": _dataset(rows.get(EVAL, ()))}


def _dataset(rows: Any) -> Any:
    from datasets import Dataset

    listed = list(rows)
    return Dataset.from_list(listed) if listed else None


def _refuse_split_groups(run: RunFile, config: Any) -> None:
    """What looks at a whole group must see it in one process."""
    looks = run.reward.looks_at_groups or run.reward.break_ties > 0
    here = config.per_device_train_batch_size * config.steps_per_generation
    if looks and here % config.num_generations:
        way = f"a multiple of num_generations ({config.num_generations}), since the reward compares"
        raise BadInput("per_device_train_batch_size x steps_per_generation", way, here)
