"""What a training run is to be: a checked-in TOML file, read strictly.

    algorithm = "grpo"
    seed = 1
    [model]
    path = "Qwen/Qwen3-4B-Instruct-2507"
    [data]
    train = "RUBRICS.jsonl"
    [trainer]
    learning_rate = 1e-6

All paths are relative to the folder in which the command is run. `[trainer]` goes to TRL as it is.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from inference.errors import BadInput
from inference.lines import readable
from inference.words import Word, read
from training.drift import DriftTerms
from training.reward_terms import Terms

Algorithm = Literal["sft", "dpo", "grpo"]
ALGORITHMS: tuple[Algorithm, ...] = ("sft", "dpo", "grpo")


class Lora(Word):
    """Low-rank adapters in place of training all weights."""

    rank: int = Field(default=32, ge=1)
    alpha: int = Field(default=64, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: str | tuple[str, ...] = "all-linear"


class ModelPart(Word):
    path: str = Field(min_length=1)
    """A folder, or a name that is in the local cache of Hugging Face's hub."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    attention: Literal["", "eager", "sdpa", "flash_attention_2", "flash_attention_3"] = ""
    lora: Lora | None = None


class Curriculum(Word):
    """Which questions are worth their time, by the `difficulty` that synthesis writes."""

    least_spread: float = Field(default=0.0, ge=0)
    """Between the best and the worst sampled answer: where all fare alike, nothing is learnt."""
    least_mean: float = -10.0
    most_mean: float = 1.0
    easy_first: bool = False


class Scaffold(Word):
    """The rubric stands in the prompt of a share of the rollouts, fewer and fewer of them."""

    share: float = Field(default=0.5, gt=0, le=1)
    """At the start."""
    until: float = Field(default=0.5, gt=0, le=1)
    """Share of the run after which there is none."""


class DataPart(Word):
    train: str = Field(min_length=1)
    eval: str = ""
    """Questions, pairs or answers that are never trained on."""
    curriculum: Curriculum | None = None
    scaffold: Scaffold | None = None


class RewardPart(Terms):
    """How completions are rewarded; GRPO alone."""

    at_once: int = Field(default=32, ge=1, le=4096)
    """Completions judged at a time."""
    most_ungraded: float = Field(default=0.5, ge=0, lt=1)
    """Share of the newest completions without a reward, above which the run ends."""
    break_ties: float = Field(default=0.0, ge=0, le=0.5)
    """What the best of a group gains if all its answers earned the same; 0: ties stay."""


class Assumed(Word):
    """What an estimate takes for granted; measure yours and put it here."""

    tokens_a_second: float = Field(default=2000.0, gt=0)
    """Of all rollouts together."""
    trained_tokens_a_second: float = Field(default=4000.0, gt=0)
    prompt_tokens: int = Field(default=400, ge=1)
    completion_tokens: int = Field(default=600, ge=1)
    seconds_a_verdict_call: float = Field(default=3.0, ge=0)
    parameters: float = Field(default=0.0, ge=0)
    """Of the model, where its folder is not at hand."""


class RunFile(Word):
    algorithm: Algorithm
    seed: int = Field(default=0, ge=0)
    model: ModelPart
    data: DataPart
    reward: RewardPart = RewardPart()
    drift: DriftTerms | None = None
    trainer: dict[str, Any] = Field(default={})
    """Settings of TRL's trainer, by their names there."""
    assumed: Assumed = Assumed()

    @model_validator(mode="after")
    def _fits_its_algorithm(self) -> Self:
        if self.algorithm != "grpo":
            made_for_grpo = {
                "[reward]": self.reward != RewardPart(),
                "[drift]": self.drift is not None,
                "[data.curriculum]": self.data.curriculum is not None,
                "[data.scaffold]": self.data.scaffold is not None,
            }
            for part, given in made_for_grpo.items():
                if given:
                    raise ValueError(f"no {part}: it is for grpo, and this is {self.algorithm}")
        return self


def read_run_file(path: str, changes: Sequence[str] = ()) -> RunFile:
    """The run that a file describes.

    Args:
        path: of the TOML file.
        changes: settings in place of the file's, such as `trainer.max_steps=20`.

    Raises:
        BadInput: the file or a change cannot be used; it names the place.
    """
    where = f"run file {path}"
    with readable(path, "run file"):
        text = Path(path).read_text(encoding="utf-8")
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(where, f"a TOML file ({error})") from None
    for change in changes:
        _set(given, change)
    return read(RunFile, given, where)


def _set(given: dict[str, Any], change: str) -> None:
    name, equals, value = change.partition("=")
    *path, last = name.strip().split(".")
    if not equals or not last:
        raise BadInput("--set", "name=value, such as trainer.max_steps=20", change)
    part: Any = given
    for step in path:
        part = part.setdefault(step, {})
        if not isinstance(part, dict):
            raise BadInput("--set", f"a table named {step}", change)
    part[last] = _value(value.strip())


def _value(text: str) -> Any:
    """As TOML; what is none is taken as text, so that a shell need not quote twice."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def differences(one: Mapping[str, Any], other: Mapping[str, Any], within: str = "") -> list[str]:
    """The settings in which two runs differ, as `trainer.max_steps`."""
    found = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += differences(left, right, f"{within}{name}.")
        elif left != right:
            found.append(f"{within}{name}")
    return found
