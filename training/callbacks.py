"""Hears what the trainer does: keeps its figures, tells of them, and ends a run that drifts."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.processes import anywhere, is_main
from training.run_folder import RunFolder

Tells = Callable[[int, int, Mapping[str, float]], None]
"""Is told the step, how many there are, and the figures."""


class Watching(TrainerCallback):  # type: ignore[misc]
    def __init__(self, folder: RunFolder, tells: Tells) -> None:
        """Make it.

        Args:
            folder: of the run.
            tells: shows the figures to people.
        """
        self._folder, self._tells = folder, tells
        self.alarmed: Callable[[], bool] = lambda: False
        """Whether the run is to end now."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or not is_main():
            return
        numbers = {name: one for name, one in logs.items() if isinstance(one, int | float)}
        # A mean of nothing, such as the reward of a batch that nobody could judge, is no figure.
        figures = {name: one for name, one in numbers.items() if isfinite(one)}
        lost = [name for name in ("loss", "grad_norm") if name in numbers and name not in figures]
        marked = {"not_finite": lost} if lost else {}
        self._folder.append("log.jsonl", {"step": state.global_step, **figures, **marked})
        self._tells(state.global_step, state.max_steps, figures)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if anywhere(self.alarmed()):
            control.should_training_stop = True
            control.should_save = True
