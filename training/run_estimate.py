"""What a run will take, told before anything starts: steps, tokens, calls, memory, hours.

Steps, prompts and calls are counted from the run's own rows. Tokens and hours stand on `[assumed]`
of the run file; memory counts what must be there, and is no promise.
"""

from collections.abc import Sequence
from math import ceil, prod
from pathlib import Path
from typing import Any

from inference.errors import BadInput
from inference.extras import needed
from inference.words import Word
from rubrics.model_judge import Manner
from rubrics.types import Rubric
from training.run_data import Task, lessons_of, pairs_of
from training.run_file import RunFile
from training.trainer_settings import configured, settings_of

GIB = 2**30
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ADAPTER_BYTES = 4  # adapters are kept in full precision


class Memory(Word):
    """GiB of one process, without what generation keeps for its attention."""

    weights: float
    gradients: float
    optimizer: float
    activations: float | None
    """Of one micro-batch with checkpointing, logits included; None without the model's folder."""

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.optimizer + (self.activations or 0.0)


class RunEstimate(Word):
    rows: int
    steps: int
    completions: int
    """Rolled out; none but with grpo."""
    rollout_tokens: int
    trained_tokens: int
    judge_calls: int
    examiner_calls: int
    parameters: int
    trained_parameters: int
    memory: Memory
    generation_hours: float
    judging_hours: float
    training_hours: float
    notes: tuple[str, ...]

    @property
    def hours(self) -> float:
        return self.generation_hours + self.judging_hours + self.training_hours


class Size(Word):
    """Of a model."""

    parameters: int
    trained: int
    layers: int = 0
    width: int = 0
    vocabulary: int = 0


def estimated(run: RunFile) -> RunEstimate:
    """What the run will take.

    Raises:
        BadInput: the run cannot be done as it is written.
        Lacking: the extra `training` is not installed.
    """
    with needed("trl", "training"):
        import trl
    kinds = {"sft": trl.SFTConfig, "dpo": trl.DPOConfig, "grpo": trl.GRPOConfig}
    config = configured(kinds[run.algorithm], settings_of(run, Path("checkpoints"), on_gpu=False))
    size = size_of(run)
    notes = ["counted for one process; several share the work of more prompts a step"]
    notes += [f"tokens and hours by [assumed]: {run.assumed.tokens_a_second:g} tokens a second"]
    notes += [] if size.width else ["activations are not counted: the model's folder is not here"]
    if run.algorithm == "grpo":
        return _of_rollouts(run, config, size, notes)
    return _of_rows(run, config, size, notes)


def size_of(run: RunFile) -> Size:
    """How large the model is: by its configuration, or by `assumed.parameters`.

    Raises:
        BadInput: neither is there.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(run.model.path, local_files_only=True)
    except (OSError, ValueError) as error:
        if not run.assumed.parameters:
            told = str(error).split("\n")[0][:160]
            way = f"a model on this machine, or [assumed] parameters ({told})"
            raise BadInput("model.path", way, run.model.path) from None
        whole = int(run.assumed.parameters)
        return Size(parameters=whole, trained=whole // 100 if run.model.lora else whole)
    return _counted(config, run)


def calls_for(rubric: Rubric) -> int:
    """Of a judge model, for one answer: critical criteria go alone, the others together."""
    alone = sum(one.critical for one in rubric.criteria)
    return alone + ceil((len(rubric.criteria) - alone) / Manner().pack)


def _of_rollouts(run: RunFile, config: Any, size: Size, notes: Sequence[str]) -> RunEstimate:
    from training.trainers import prompts_needed, tasks_for

    tasks, measured = tasks_for(run)
    prompts = prompts_needed(config, len(tasks))
    completions = prompts * config.num_generations
    micro = config.per_device_train_batch_size * config.gradient_accumulation_steps
    taken = ceil(completions * config.num_iterations / micro)
    steps = config.max_steps if config.max_steps > 0 else taken
    calls = _mean_calls(tasks)
    tokens = completions * min(run.assumed.completion_tokens, config.max_completion_length)
    judged = round(completions * calls)
    examined = round(judged * run.drift.share) if run.drift else 0
    trained = (tokens + completions * run.assumed.prompt_tokens) * config.num_iterations
    waiting = judged * run.assumed.seconds_a_verdict_call / run.reward.at_once
    evaluations = [f"evaluations of {len(measured)} questions come besides"] if measured else []
    sequence = run.assumed.prompt_tokens + config.max_completion_length
    return RunEstimate(
        rows=len(tasks),
        steps=steps,
        completions=completions,
        rollout_tokens=tokens,
        trained_tokens=trained,
        judge_calls=judged,
        examiner_calls=examined,
        parameters=size.parameters,
        trained_parameters=size.trained,
        memory=_memory(
            run, size, config.per_device_train_batch_size * sequence, refers=config.beta != 0
        ),
        generation_hours=tokens / run.assumed.tokens_a_second / 3600,
        judging_hours=waiting / 3600,
        training_hours=trained / run.assumed.trained_tokens_a_second / 3600,
        notes=(*notes, *evaluations),
    )


def _of_rows(run: RunFile, config: Any, size: Size, notes: Sequence[str]) -> RunEstimate:
    read = lessons_of if run.algorithm == "sft" else pairs_of
    rows = len(read(run.data.train, "data.train"))
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps
    an_epoch = ceil(rows / batch)
    steps = config.max_steps if config.max_steps > 0 else ceil(an_epoch * config.num_train_epochs)
    sequence = run.assumed.prompt_tokens + run.assumed.completion_tokens
    answers = 1 if run.algorithm == "sft" else 2
    refers = run.algorithm == "dpo" and not config.precompute_ref_log_probs
    trained = steps * batch * sequence * answers
    return RunEstimate(
        rows=rows,
        steps=steps,
        completions=0,
        rollout_tokens=0,
        trained_tokens=trained,
        judge_calls=0,
        examiner_calls=0,
        parameters=size.parameters,
        trained_parameters=size.trained,
        memory=_memory(run, size, config.per_device_train_batch_size * sequence * answers, refers),
        generation_hours=0.0,
        judging_hours=0.0,
        training_hours=trained / run.assumed.trained_tokens_a_second / 3600,
        notes=tuple(notes),
    )


def _mean_calls(tasks: Sequence[Task]) -> float:
    return sum(calls_for(one.rubric) for one in tasks) / len(tasks)


def _memory(run: RunFile, size: Size, tokens: int, refers: bool) -> Memory:
    """By AdamW: two moments for each trained weight, in its own precision.

    Args:
        run: its model.
        size: of that.
        tokens: of a micro-batch.
        refers: TRL keeps the model as it was besides; without adapters, a second copy.
    """
    each = BYTES[run.model.dtype]
    trained = ADAPTER_BYTES if run.model.lora else each
    kept = tokens * (size.layers * size.width * each + size.vocabulary * 4)
    adapters = size.trained * ADAPTER_BYTES if run.model.lora else 0
    copies = 2 if refers and not run.model.lora else 1
    return Memory(
        weights=(size.parameters * each * copies + adapters) / GIB,
        gradients=size.trained * trained / GIB,
        optimizer=2 * size.trained * trained / GIB,
        activations=kept / GIB if size.width else None,
    )


def _counted(config: Any, run: RunFile) -> Size:
    """By building the model without its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    tied = {id(one): one for one in model.parameters()}
    whole = sum(prod(one.shape) for one in tied.values())
    text = config.get_text_config()
    linear = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and "lm_head" not in name
    ]
    rank = run.model.lora.rank if run.model.lora else 0
    adapters = sum(rank * (one.in_features + one.out_features) for one in linear)
    return Size(
        parameters=whole,
        trained=adapters if run.model.lora else whole,
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        vocabulary=text.vocab_size,
    )
