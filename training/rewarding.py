"""Puts the reward of a run together: terms, held-out criteria, monitor and ties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inference.errors import BadInput
from training.drift import Drift, Examined, observation_of
from training.judges import Judges
from training.processes import is_main
from training.reward import RubricReward
from training.run_data import Task
from training.run_file import RunFile
from training.run_folder import RunFolder
from training.ties import TieBreaker
from training.trl_reward import Rules, TrlReward, Watch


@dataclass(frozen=True)
class Rewarding:
    function: TrlReward
    reward: RubricReward
    watch: Watch | None

    @property
    def judges(self) -> set[str]:
        return self.reward.judges

    @property
    def examiners(self) -> set[str]:
        return self.watch.examined.judges if self.watch else set()


def rewarding(
    run: RunFile,
    folder: RunFolder,
    judges: Judges,
    tasks: Sequence[Task],
    has_ended: Callable[[Sequence[int]], bool],
) -> Rewarding:
    """The reward of a run.

    Raises:
        BadInput: the run wants an examiner or a comparing model, and there is none.
    """
    reward = RubricReward(judges.tools, run.reward, run.reward.at_once, run.reward.most_ungraded)
    rules = Rules(
        tasks={one.prompt_id: one for one in tasks},
        seed=run.seed,
        held_out=run.drift.held_out if run.drift else 0.0,
        dropout=run.drift.dropout if run.drift else 0.0,
    )
    watch = _watch(run, folder, judges)
    logged = folder.append if is_main() else _unlogged
    function = TrlReward(reward, judges.portal, rules, logged, has_ended, watch, _ties(run, judges))
    return Rewarding(function, reward, watch)


def _watch(run: RunFile, folder: RunFolder, judges: Judges) -> Watch | None:
    if run.drift is None:
        return None
    if judges.examiner is None:
        raise BadInput("[drift]", "an examiner; set CLINALIGN_EXAMINER_BASE_URL")
    seen = [observation_of(row) for row in folder.rows("drift.jsonl")]
    examined = Examined(judges.examiner, run.drift, run.reward.at_once, run.seed)
    return Watch(examined, Drift(run.drift, seen))


def _ties(run: RunFile, judges: Judges) -> TieBreaker | None:
    if not run.reward.break_ties:
        return None
    if judges.compares is None:
        raise BadInput("reward.break_ties", "a judge model; set CLINALIGN_JUDGE_BASE_URL")
    return TieBreaker(judges.compares, run.reward.break_ties)


def _unlogged(name: str, row: dict[str, Any]) -> None:
    """Another process writes."""
