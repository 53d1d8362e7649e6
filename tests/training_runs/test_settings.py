"""What TRL is told, by its own configurations; and what a run is said to take."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.errors import BadInput
from inference.words import read
from rubrics.types import Rubric
from tests.conftest import ROOT
from tests.training_runs.kit import write_rows
from training.run_estimate import GIB, RunEstimate, calls_for, estimated
from training.run_file import RunFile, read_run_file
from training.trainer_settings import OURS, configured, settings_of

pytestmark = pytest.mark.training

CONFIGS = {"sft": "SFTConfig", "dpo": "DPOConfig", "grpo": "GRPOConfig"}
RECIPES = sorted((ROOT / "training" / "runs").glob("*.toml"))


def run_of(algorithm: str = "grpo", data: str = "rows.jsonl", **parts: Any) -> RunFile:
    given = {"algorithm": algorithm, "model": {"path": "tiny"}, "data": {"train": data}, **parts}
    return read(RunFile, given, "run")


def config_of(run: RunFile, on_gpu: bool = False) -> Any:
    import trl  # here, so that to collect this file costs nothing

    kind = getattr(trl, CONFIGS[run.algorithm])
    return configured(kind, settings_of(run, Path("out/checkpoints"), on_gpu))


def refused(algorithm: str = "grpo", **trainer: Any) -> str:
    with pytest.raises(BadInput) as told:
        config_of(run_of(algorithm, trainer=trainer))
    return str(told.value)


def test_rewards_are_learnt_from_as_dapo_does_unless_told_otherwise() -> None:
    config = config_of(run_of())

    assert (config.beta, config.epsilon, config.epsilon_high) == (0.0, 0.2, 0.28)
    assert (config.loss_type, config.scale_rewards) == ("dapo", "group")
    assert config.importance_sampling_level == "token"
    assert (config.num_generations, config.max_completion_length) == (8, 1024)
    assert config.mask_truncated_completions is False
    assert (config.shuffle_dataset, config.remove_unused_columns) == (False, False)


@pytest.mark.parametrize(("algorithm", "rate"), [("sft", 1e-5), ("dpo", 5e-7), ("grpo", 1e-6)])
def test_each_algorithm_has_its_own_defaults(algorithm: str, rate: float) -> None:
    config = config_of(run_of(algorithm, seed=7))

    assert config.learning_rate == rate
    assert (config.seed, config.data_seed) == (7, 7)
    assert config.output_dir == str(Path("out/checkpoints"))
    assert config.report_to == []
    assert config.push_to_hub is False
    assert config.eval_strategy == "no"


@pytest.mark.parametrize("algorithm", sorted(CONFIGS))
def test_with_rows_to_measure_by_a_run_is_measured_from_its_start(algorithm: str) -> None:
    parts = {"data": {"train": "a", "eval": "b"}, "trainer": {"eval_steps": 5}}
    given = {"algorithm": algorithm, "model": {"path": "tiny"}, **parts}

    config = config_of(read(RunFile, given, "run"))

    assert (config.eval_strategy, config.eval_steps, config.eval_on_start) == ("steps", 5, True)


def test_the_models_precision_and_attention_reach_the_trainer() -> None:
    plain = config_of(run_of())
    fast = config_of(run_of(model={"path": "a", "dtype": "bfloat16", "attention": "sdpa"}))

    assert plain.model_init_kwargs == {"dtype": "float32"}
    assert fast.model_init_kwargs == {"dtype": "bfloat16", "attn_implementation": "sdpa"}


@pytest.mark.parametrize(
    ("dtype", "on_gpu", "mixed"),
    [("bfloat16", True, True), ("bfloat16", False, False), ("float32", True, False)],
)
def test_mixed_precision_needs_a_gpu_and_a_model_in_it(
    dtype: str, on_gpu: bool, mixed: bool
) -> None:
    settings = settings_of(run_of(model={"path": "a", "dtype": dtype}), Path("out"), on_gpu)

    assert settings["bf16"] is mixed
    assert settings["use_cpu"] is not on_gpu
    assert settings["activation_checkpointing"] is on_gpu


@pytest.mark.parametrize(
    "options",
    [
        {"importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4},  # GSPO
        {"loss_type": "dr_grpo", "scale_rewards": "none"},  # Dr. GRPO
        {"loss_type": "grpo", "beta": 0.04, "mask_truncated_completions": True},
        {"num_iterations": 2, "steps_per_generation": 4, "top_entropy_quantile": 0.2},
    ],
)
def test_what_trl_knows_of_losses_is_passed_on(options: dict[str, Any]) -> None:
    config = config_of(run_of(trainer=options))

    assert {name: getattr(config, name) for name in options} == options


@pytest.mark.parametrize(
    ("algorithm", "given", "meant"),
    [
        ("grpo", "learning_rat", "learning_rate"),
        ("grpo", "num_generation", "num_generations"),
        ("grpo", "epsilon_hight", "epsilon_high"),
        ("sft", "max_lenght", "max_length"),
        ("dpo", "loss_typ", "loss_type"),
    ],
)
def test_a_setting_that_trl_does_not_have_is_refused_with_the_nearest(
    algorithm: str, given: str, meant: str
) -> None:
    said = refused(algorithm, **{given: 1})

    kind = CONFIGS[algorithm]
    assert said == (
        f"[trainer] is '{given}'; expected settings of TRL's {kind}; did you mean {meant}?"
    )


def test_a_setting_like_no_other_is_refused_without_a_guess() -> None:
    assert refused(xyzzy=1) == "[trainer] is 'xyzzy'; expected settings of TRL's GRPOConfig"


def test_what_trl_refuses_is_told_in_its_words() -> None:
    # 6 completions at a time are no whole groups of 4.
    said = refused(per_device_train_batch_size=6, num_generations=4)

    assert said.startswith("[trainer]: expected what TRL takes: generation_batch_size (6)")
    assert "num_generations (4)" in said


@pytest.mark.parametrize("algorithm", sorted(CONFIGS))
@pytest.mark.parametrize("name", [*OURS, "hub_model_id", "hub_token"])
def test_what_is_set_elsewhere_is_refused_with_its_place(algorithm: str, name: str) -> None:
    expected = OURS.get(name, "an upload by hand")

    told = f"[trainer] {name}: expected no such line; instead of it there is {expected}"
    assert refused(algorithm, **{name: True}) == told


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_trl_takes_the_settings_of_every_recipe(path: Path) -> None:
    run = read_run_file(str(path))

    config = config_of(run)

    assert config.bf16 is False
    assert config.fp16 is False
    for name, value in run.trainer.items():
        assert getattr(config, name) == value


CRITERIA = [
    {"criterion": f"Says number {place}", "points": 1, "critical": place < 2} for place in range(11)
]
HARD = {"mean": 0.25, "spread": 0.5, "answers": 4}


def rows_for(folder: Path, algorithm: str, number: int, name: str = "rows") -> str:
    """So many rows; every other question has eleven criteria, the others have one."""
    rows: list[dict[str, Any]] = []
    for place in range(number):
        prompt = f"{name} {place}?"
        if algorithm == "sft":
            rows.append({"prompt": prompt, "completion": "Yes."})
        elif algorithm == "dpo":
            rows.append({"prompt": prompt, "chosen": "Yes.", "rejected": "No."})
        else:
            rubrics = CRITERIA if place % 2 == 0 else CRITERIA[2:3]
            rows.append({"prompt": prompt, "rubrics": rubrics, "difficulty": HARD})
    return str(write_rows(folder / f"{name}.jsonl", rows))


@pytest.mark.parametrize(
    ("critical", "others", "calls"), [(0, 1, 1), (0, 8, 1), (0, 9, 2), (2, 0, 2), (2, 9, 2 + 2)]
)
def test_critical_criteria_are_judged_alone_and_eight_others_at_once(
    critical: int, others: int, calls: int
) -> None:
    rows = [
        {"criterion": f"c {place}", "points": 1, "critical": place < critical}
        for place in range(critical + others)
    ]

    assert calls_for(Rubric.from_rows(rows)) == calls


def estimate(folder: Path, algorithm: str, number: int, **parts: Any) -> RunEstimate:
    """Of a model that is not here, with 1,000,000,000 parameters."""
    absent = str(folder / "absent")
    assumed = {"parameters": 1e9, "prompt_tokens": 100, "completion_tokens": 50}
    given = {
        "algorithm": algorithm,
        "model": {"path": absent, **parts.pop("model", {})},
        "data": {"train": rows_for(folder, algorithm, number)},
        "assumed": {**assumed, **parts.pop("assumed", {})},
        **parts,
    }
    return estimated(read(RunFile, given, "run"))


def test_rollouts_are_counted_by_questions_groups_and_steps(tmp_path: Path) -> None:
    trainer = {
        "max_steps": 5,
        "num_generations": 4,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "max_completion_length": 40,
    }
    speeds = {
        "tokens_a_second": 100.0,
        "trained_tokens_a_second": 200.0,
        "seconds_a_verdict_call": 3.0,
    }
    found = estimate(
        tmp_path,
        "grpo",
        6,
        trainer=trainer,
        drift={"share": 0.25},
        reward={"at_once": 10},
        assumed=speeds,
    )

    # A step takes 8 x 2 = 16 completions, which are 16 / 4 = 4 prompts.
    prompts = 5 * 4
    completions = prompts * 4
    assert (found.rows, found.steps, found.completions) == (6, 5, completions)
    # Three questions of six have 2 critical criteria and 9 others: 2 + 2 calls; three have 1.
    calls = completions * ((3 * 4 + 3 * 1) / 6)
    assert calls == 200
    assert (found.judge_calls, found.examiner_calls) == (200, 200 * 0.25)
    # 50 tokens are assumed, and 40 allowed.
    assert found.rollout_tokens == completions * 40
    assert found.trained_tokens == completions * (40 + 100)
    assert found.generation_hours == pytest.approx(3200 / 100 / 3600)
    assert found.judging_hours == pytest.approx(200 * 3.0 / 10 / 3600)
    assert found.training_hours == pytest.approx(11200 / 200 / 3600)
    assert found.hours == pytest.approx((32 + 60 + 56) / 3600)


def test_without_a_number_of_steps_every_question_comes_once_an_epoch(tmp_path: Path) -> None:
    trainer = {"num_train_epochs": 2, "num_generations": 4, "per_device_train_batch_size": 8}

    found = estimate(tmp_path, "grpo", 6, trainer=trainer)

    assert found.completions == 2 * 6 * 4
    assert found.steps == 48 / 8
    assert found.examiner_calls == 0


def test_only_questions_that_the_curriculum_keeps_are_counted(tmp_path: Path) -> None:
    path = rows_for(tmp_path, "grpo", 4, "easy")
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    rows[0]["difficulty"] = {"mean": 1.0, "spread": 0.0, "answers": 4}
    write_rows(Path(path), rows)
    run = run_of(data=path, model={"path": str(tmp_path / "absent")}, assumed={"parameters": 1e6})
    limits = {"train": path, "curriculum": {"least_spread": 0.1}}
    kept = read(RunFile, {**run.model_dump(mode="json"), "data": limits}, "run")

    assert (estimated(run).rows, estimated(kept).rows) == (4, 3)


@pytest.mark.parametrize(
    ("algorithm", "trainer", "steps", "answers"),
    [
        ("sft", {"num_train_epochs": 3}, 3 * 3, 1),  # 10 rows in batches of 4: 3 an epoch
        ("sft", {"max_steps": 7}, 7, 1),
        ("dpo", {"num_train_epochs": 1, "gradient_accumulation_steps": 2}, 2, 2),
    ],
)
def test_rows_are_counted_by_batches_and_epochs(
    algorithm: str, trainer: dict[str, Any], steps: int, answers: int, tmp_path: Path
) -> None:
    found = estimate(tmp_path, algorithm, 10, trainer={"per_device_train_batch_size": 4, **trainer})

    batch = 4 * trainer.get("gradient_accumulation_steps", 1)
    assert (found.rows, found.steps) == (10, steps)
    assert found.trained_tokens == steps * batch * (100 + 50) * answers
    assert (found.completions, found.rollout_tokens, found.judge_calls) == (0, 0, 0)
    assert found.hours == found.training_hours == found.trained_tokens / 4000 / 3600


def test_memory_holds_weights_gradients_and_two_moments_of_each(tmp_path: Path) -> None:
    full = estimate(tmp_path, "sft", 1).memory
    half = estimate(tmp_path, "sft", 1, model={"dtype": "bfloat16"}).memory

    # A thousand million parameters of 4 bytes, then of 2.
    assert (full.weights, full.gradients) == pytest.approx((4e9 / GIB, 4e9 / GIB))
    assert full.optimizer == pytest.approx(2 * 4e9 / GIB)
    assert full.total == pytest.approx((4 + 4 + 8) * 1e9 / 2**30)
    assert half.total == pytest.approx((2 + 2 + 4) * 1e9 / 2**30)
    assert full.activations is None


def test_adapters_cost_memory_for_themselves_alone(tmp_path: Path) -> None:
    found = estimate(tmp_path, "sft", 1, model={"dtype": "bfloat16", "lora": {"rank": 8}})

    # A hundredth is assumed to be trained: 10,000,000 weights of 4 bytes.
    assert (found.parameters, found.trained_parameters) == (1_000_000_000, 10_000_000)
    assert found.memory.weights == pytest.approx((2e9 + 4e7) / GIB)
    assert found.memory.gradients == pytest.approx(4e7 / GIB)
    assert found.memory.optimizer == pytest.approx(8e7 / GIB)


def test_what_is_assumed_or_left_out_is_said(tmp_path: Path) -> None:
    found = estimate(tmp_path, "sft", 1, assumed={"tokens_a_second": 1234.0})

    processes, tokens, memory = found.notes
    assert "counted for one process" in processes
    assert "1234 tokens a second" in tokens
    assert "activations are not counted" in memory


def test_a_model_of_unknown_size_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.path is .*; expected .* or \[assumed\] parameters"):
        estimate(tmp_path, "sft", 1, assumed={"parameters": 0.0})


def test_a_question_to_measure_by_is_never_one_to_learn_from(tmp_path: Path) -> None:
    rows = rows_for(tmp_path, "grpo", 2)

    with pytest.raises(BadInput, match=r"data\.eval.* not trained on; 2 are"):
        estimate(tmp_path, "grpo", 2, data={"train": rows, "eval": rows})


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_estimated_where_its_model_is_not(path: Path, tmp_path: Path) -> None:
    algorithm = path.stem.rpartition("-")[2]
    rows = {part: rows_for(tmp_path, algorithm, 4, part) for part in ("train", "eval")}
    named = [f"data.{part}={where}" for part, where in rows.items()]
    absent = f"model.path={tmp_path / 'absent'}"
    run = read_run_file(str(path), [*named, absent, "assumed.parameters=4e9"])

    found = estimated(run)

    assert found.steps == run.trainer.get("max_steps", 1)  # else 4 rows are one batch
    assert found.parameters == 4_000_000_000
    assert found.memory.total > 0
    if algorithm == "grpo":
        prompts = found.completions / run.trainer["num_generations"]
        batch = run.trainer["per_device_train_batch_size"]
        batch *= run.trainer.get("gradient_accumulation_steps", 1)
        assert found.completions == found.steps * batch
        # Half of the questions take 4 calls an answer, half take 1.
        assert found.judge_calls == prompts * run.trainer["num_generations"] * (4 + 1) / 2
        assert "evaluations of 4 questions" in found.notes[-1]


@pytest.mark.parametrize(("questions", "prompts"), [(1, 2), (3, 4), (4, 4)])
def test_what_fills_no_batch_is_filled_up_and_not_left_out(
    questions: int, prompts: int, tmp_path: Path
) -> None:
    trainer = {"num_train_epochs": 1, "num_generations": 4, "per_device_train_batch_size": 8}

    found = estimate(tmp_path, "grpo", questions, trainer=trainer)

    assert (found.completions, found.steps) == (prompts * 4, prompts * 4 / 8)


@pytest.mark.parametrize(
    ("algorithm", "trainer", "copies"),
    [
        ("dpo", {}, 2),
        ("dpo", {"precompute_ref_log_probs": True}, 1),
        ("grpo", {}, 1),
        ("grpo", {"beta": 0.04}, 2),
    ],
)
def test_a_model_to_refer_to_takes_memory_too(
    algorithm: str, trainer: dict[str, Any], copies: int, tmp_path: Path
) -> None:
    found = estimate(tmp_path, algorithm, 2, trainer=trainer)

    assert found.memory.weights == pytest.approx(copies * 4e9 / GIB)
