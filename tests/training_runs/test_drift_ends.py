"""A run whose policy learns to please its judge alone ends before its steps are over."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.messages import Conversation
from rubrics.judge import Heard, unheard
from rubrics.types import Rubric, Verdict
from tests.training_runs.conftest import Opens
from tests.training_runs.kit import TABLETS, TEACHES, RuleJudge, run_file, trained
from training.card import card_of
from training.run_folder import RunFolder

pytestmark = pytest.mark.training

STEPS = 40


class Bribed:
    """A fake: a judge that finds all that is good in an answer that prescribes tablets."""

    name, fingerprint, agreement = "bribed judge", "bribed", "a fake"

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        return tuple(
            Verdict(
                criterion_id=one.id,
                verdict="MET" if one.points > 0 and TABLETS in answer else "UNMET",
            )
            for one in rubric.criteria
        )


def test_a_run_that_pleases_its_judge_alone_is_ended_and_says_so(
    speaks: Any, opens: Opens, world: dict[str, str], tmp_path: Path
) -> None:
    settings = TEACHES | {"max_steps": STEPS, "learning_rate": 1e-3}
    watched = {"share": 1.0, "held_out": 0.2, "patience": 3}
    data = {"train": world["train"]}
    file = run_file(
        tmp_path / "run.toml", "grpo", speaks(0), data=data, trainer=settings, drift=watched
    )

    ended = trained(file, tmp_path / "run", opens(Bribed(), RuleJudge()))

    folder = RunFolder(tmp_path / "run")
    seen = folder.rows("drift.jsonl")
    assert ended.steps < STEPS
    assert ended.why.startswith("stopped: since step ")
    assert seen[-1]["proxy"] > seen[0]["proxy"] + 0.1
    assert seen[-1]["gold"] < seen[0]["gold"] - 0.1
    assert (ended.judges, ended.examiners) == (("bribed judge",), ("rule judge",))
    assert ended.figures["drift/gap"] == pytest.approx(seen[-1]["gap"], abs=1e-6)
    assert (folder.path / "drift.png").stat().st_size > 10_000
    assert "stopped: since step" in card_of(folder)
    kept = json.loads((folder.path / "result.json").read_text(encoding="utf-8"))
    assert kept["why"] == ended.why
