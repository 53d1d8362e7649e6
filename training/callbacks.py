"""Hears what the trainer does: keeps its figures, tells of them, and ends a run that drifts."""

from collections.abc import Callable, Mapping
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
        figures = {name: value for name, value in logs.items() if isinstance(value, int | float)}
        self._folder.append("log.jsonl", {"step": state.global_step, **figures})
        self._tells(state.global_step, state.max_steps, figures)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if anywhere(self.alarmed()):
            control.should_training_stop = True
            control.should_save = True
