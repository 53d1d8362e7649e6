"""What TRL's trainers are told: our defaults, the run file's `[trainer]`, and what is ours."""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.errors import BadInput
from training.run_file import Algorithm, RunFile

EVERYWHERE: dict[str, Any] = {
    "logging_steps": 1,
    "save_steps": 50,
    "save_total_limit": 3,
    "report_to": "none",
    "disable_tqdm": True,
    "lr_scheduler_type": "constant_with_warmup",
}
DEFAULTS: dict[Algorithm, dict[str, Any]] = {
    "sft": {"learning_rate": 1e-5, "max_length": 4096},
    "dpo": {"learning_rate": 5e-7, "max_length": 4096, "beta": 0.1},
    "grpo": {
        "learning_rate": 1e-6,
        "num_generations": 8,
        "max_completion_length": 1024,
        "temperature": 1.0,
        "beta": 0.0,  # no KL: DAPO (arXiv 2503.14476)
        "epsilon": 0.2,
        "epsilon_high": 0.28,  # clip higher, of the same
        "loss_type": "dapo",
        "scale_rewards": "group",
        # Masked, a policy that stops ending its answers would never be told.
        "mask_truncated_completions": False,
    },
}
WITH_EVAL: dict[str, Any] = {"eval_strategy": "steps", "eval_steps": 50, "eval_on_start": True}
OURS = {
    "output_dir": "--out",
    "seed": "seed",
    "data_seed": "seed",
    "resume_from_checkpoint": "the same --out again",
    "overwrite_output_dir": "another --out",
    "model_init_kwargs": "[model]",
    "trust_remote_code": "nothing to set: code of a model is not run",
    "reward_weights": "[reward], since there is one reward function",
    "remove_unused_columns": "nothing to set: the reward needs them",
    "shuffle_dataset": "seed",
    "push_to_hub": "an upload by hand",
    "log_completions": "drift.jsonl, since questions and answers stay out of logs",
}


def settings_of(run: RunFile, checkpoints: Path, on_gpu: bool) -> dict[str, Any]:
    """Keyword arguments for the configuration of TRL's trainer.

    Raises:
        BadInput: a setting is ours, or TRL has none of its name.
    """
    _refuse_ours(run.trainer)
    found = {**EVERYWHERE, **DEFAULTS[run.algorithm]}
    found |= WITH_EVAL if run.data.eval else {}
    found |= {"bf16": run.model.dtype == "bfloat16" and on_gpu, "use_cpu": not on_gpu}
    found |= {"activation_checkpointing": on_gpu}
    found |= run.trainer
    found |= {"output_dir": str(checkpoints), "seed": run.seed, "data_seed": run.seed}
    found["model_init_kwargs"] = _model_settings(run)
    if run.algorithm == "grpo":
        # The order of prompts is ours: it is drawn once for the whole run.
        found |= {"shuffle_dataset": False, "remove_unused_columns": False}
    return found


def configured(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    """The configuration, as TRL checks it.

    Raises:
        BadInput: TRL has no such setting, or does not take its value.
    """
    names = [field.name for field in dataclasses.fields(kind)]
    for name in settings:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise BadInput("[trainer]", f"settings of TRL's {kind.__name__}{meant}", name)
    try:
        return kind(**settings)
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise BadInput("[trainer]", f"what TRL takes: {_first_sentence(error)}") from None


def _refuse_ours(given: Mapping[str, Any]) -> None:
    for name in given:
        if name in OURS or name.startswith("hub_"):
            way = OURS.get(name, "an upload by hand")
            raise BadInput(f"[trainer] {name}", f"no such line; instead of it there is {way}")


def _model_settings(run: RunFile) -> dict[str, Any]:
    found: dict[str, Any] = {"dtype": run.model.dtype}
    return found | ({"attn_implementation": run.model.attention} if run.model.attention else {})


def _first_sentence(error: Exception) -> str:
    return str(error).split("\n")[0][:300]
