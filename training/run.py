"""A training run from its file to its model, in its folder, gone on with after a crash."""

import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from inference.extras import needed
from inference.garbage import seldom_looking_for_garbage
from inference.words import Word
from training.drift import Alarm, observation_of
from training.judges import Judges
from training.plots import draw_drift, draw_rewards
from training.processes import decided
from training.quiet import quiet
from training.run_data import Task
from training.run_file import RunFile
from training.run_folder import Begun, Record, RunFolder, hashed

PACKAGES = ("clinalign", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm")


NO_FIGURES = ("step", "not_finite")


class Result(Word):
    """How a run ended."""

    steps: int
    seconds: float
    of_this_start: int
    """Steps of them since it was last begun."""
    why: str
    """`finished`, or what ended it before."""
    figures: dict[str, float]
    """The last that were logged, by name."""
    judges: tuple[str, ...] = ()
    examiners: tuple[str, ...] = ()


Tells = Callable[[int, int, Mapping[str, float]], None]
"""Is told the step, how many there are, and the figures, to show them to people."""
Opens = Callable[[], AbstractContextManager[Judges]]


def record_of(run: RunFile, library: str = "") -> Record:
    """What the run depends on.

    Raises:
        BadInput: a data file cannot be read.
    """
    data = {"train": run.data.train} | ({"eval": run.data.eval} if run.data.eval else {})
    return Record(
        run=run,
        data={name: hashed(path, f"data.{name}") for name, path in data.items()},
        commit=_commit(),
        versions={"python": platform.python_version()} | _versions(),
        library=library,
    )


def train(run: RunFile, text: str, folder: RunFolder, opens: Opens, tells: Tells) -> Result | None:
    """Do the run, or what is left of it; None if it was finished before.

    Args:
        run: what is to be done.
        text: its file, to be kept.
        folder: for all it makes.
        opens: the judges; asked for GRPO alone.
        tells: shows figures to people.

    Raises:
        ClinalignError: the run cannot be done.
        UnfitJudge: the judge must not steer training.
    """
    with needed("torch", "training"), needed("trl", "training"):
        import torch  # noqa: F401 - looked for here, used by what follows
        import trl  # noqa: F401 - likewise
    quiet()
    judging: Any = opens() if run.algorithm == "grpo" else nullcontext(None)
    with judging as judges:
        record = record_of(run, judges.library if judges else "")
        begun = decided(lambda: folder.begin(record, text))
        if begun == "finished":
            return None
        return _trained(run, folder, judges, tells, begun)


def _trained(
    run: RunFile, folder: RunFolder, judges: Judges | None, tells: Tells, begun: Begun
) -> Result:
    from training.callbacks import Watching
    from training.trainers import dpo, grpo, sft

    checkpoint = decided(folder.last_checkpoint) if begun == "resumed" else None
    decided(lambda: folder.forget_after(_step(checkpoint)))
    watching = Watching(folder, tells)
    rewards: list[Any] = []
    if judges:
        from training.rewarding import rewarding

        def makes(tasks: Sequence[Task], has_ended: Callable[[Sequence[int]], bool]) -> Any:
            rewards.append(rewarding(run, folder, judges, tasks, has_ended))
            return rewards[0].function

        trainer = grpo(run, folder.checkpoints, watching, makes)
        watching.alarmed = lambda: rewards[0].function.alarm is not None
    else:
        trainer = {"sft": sft, "dpo": dpo}[run.algorithm](run, folder.checkpoints, watching)
    started = time.monotonic()
    with seldom_looking_for_garbage():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(folder.model))
    return _ended(trainer, folder, rewards, checkpoint, time.monotonic() - started)


def _ended(
    trainer: Any, folder: RunFolder, rewards: Sequence[Any], checkpoint: Path | None, took: float
) -> Result:
    alarm = rewards[0].function.alarm if rewards else None
    steps = int(trainer.state.global_step)
    figures: dict[str, float] = {}
    for row in folder.rows("log.jsonl"):
        figures |= {name: value for name, value in row.items() if name not in NO_FIGURES}
    result = Result(
        steps=steps,
        seconds=round(took, 1),
        of_this_start=steps - max(0, _step(checkpoint)),
        why=f"stopped: {alarm}" if alarm else "finished",
        figures=figures,
        judges=tuple(sorted(rewards[0].judges)) if rewards else (),
        examiners=tuple(sorted(rewards[0].examiners)) if rewards else (),
    )
    decided(lambda: _written(folder, result, alarm))
    return result


def _written(folder: RunFolder, result: Result, alarm: Alarm | None) -> None:
    """The result, and pictures of how it came about."""
    rows = folder.rows("log.jsonl")
    if any("reward" in row for row in rows):
        draw_rewards({"reward": rows}, folder.path / "rewards.png")
    if seen := [observation_of(row) for row in folder.rows("drift.jsonl")]:
        draw_drift(seen, alarm, folder.path / "drift.png")
    folder.write_json("result.json", result.model_dump(mode="json"))


def _step(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else -1


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """Of the checkout that runs, if it is one."""
    here = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run([*here, "rev-parse", "HEAD"], capture_output=True, check=True)
        status = [*here, "status", "--porcelain", "--untracked-files=no", "--", ".."]
        changed = subprocess.run(status, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.decode().strip() + ("+" if changed.stdout.strip() else "")
