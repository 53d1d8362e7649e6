"""The card of a trained model says what its run's folder says, and nothing more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.errors import BadInput
from inference.words import read
from training.card import card_of
from training.drift import Alarm
from training.run import Result
from training.run_file import RunFile
from training.run_folder import DataFile, Record, RunFolder

GRPO: dict[str, Any] = {
    "algorithm": "grpo",
    "seed": 7,
    "model": {"path": "Qwen/Qwen3-4B-Instruct-2507", "lora": {"rank": 64}},
    "data": {"train": "RUBRICS.jsonl", "eval": "HELD_OUT.jsonl"},
    "drift": {},
    "trainer": {"learning_rate": 1e-5, "max_steps": 40},
}
SFT: dict[str, Any] = {
    "algorithm": "sft",
    "model": {"path": "tiny"},
    "data": {"train": "BEST.jsonl"},
}
LOG = (
    {"step": 0, "eval_reward": 0.125},
    {"step": 1, "reward": 0.25, "reward/ungraded": 0.5, "loss": 0.001, "grad_norm": 3.0},
    {"step": 2, "reward": 0.3},
    {"step": 40, "reward": 0.75, "reward/ungraded": 0, "loss": 0.0005, "grad_norm": 1.0},
    {"step": 40, "eval_reward": 0.6251234},
)


def run_in(folder: Path, run: dict[str, Any], *log: dict[str, Any], **ended: Any) -> RunFolder:
    """A folder such as a run leaves."""
    made = RunFolder(folder)
    record = Record(
        run=read(RunFile, run, "run"),
        data={name: DataFile(path=path, sha256="ab" * 32) for name, path in run["data"].items()},
        commit=ended.pop("commit", "0123abc+"),
        versions={"python": "3.11.7", "trl": "1.16.0"},
        library=ended.pop("library", ""),
    )
    made.begin(record, "")
    for row in log:
        made.append("log.jsonl", row)
    told = {"steps": 40, "seconds": 9.5, "of_this_start": 40, "why": "finished", "figures": {}}
    made.write_json(
        "result.json", read(Result, {**told, **ended}, "result").model_dump(mode="json")
    )
    return made


def test_the_card_says_what_the_folder_says(
    golden: Callable[[str, str], None], tmp_path: Path
) -> None:
    judges, examiners = ["judge-8b (packed by 8)", "judge-70b"], ["examiner-27b"]
    folder = run_in(tmp_path, GRPO, *LOG, judges=judges, examiners=examiners, library="cd" * 32)

    golden("model_card.md", card_of(folder))


def test_a_run_that_drifted_says_so(tmp_path: Path) -> None:
    alarm = Alarm(step=40, best_step=16, gold_fell=0.125, proxy_rose=0.25)
    folder = run_in(tmp_path, GRPO, why=f"stopped: {alarm}")

    assert (
        "How the run ended: stopped: since step 16 the training judge's mean rose by 0.25 "
        "while the examiner's fell by 0.12." in card_of(folder)
    )


def test_what_is_not_there_is_not_claimed(tmp_path: Path) -> None:
    card = card_of(run_in(tmp_path, SFT, commit=""))

    assert "Made of `tiny` by supervised fine-tuning (all weights), 40 steps, seed 0." in card
    assert "- rewards: none: no answer was judged in this run\n" in card
    assert "- examiner: none: drift was not watched\n" in card
    assert "- library of principles: `none`\n" in card
    assert "| none was logged | | |\n" in card
    assert "clinalign at commit `not known`; python 3.11.7, trl 1.16.0." in card
    assert "| eval |" not in card


def test_a_figure_is_shown_as_it_was_first_and_last(tmp_path: Path) -> None:
    log = [{"step": step, "loss": loss} for step, loss in enumerate((2.0, 9.0, 0.123456), start=1)]

    card = card_of(run_in(tmp_path, SFT, *log))

    assert "| loss | 2 | 0.1235 |\n" in card
    assert "reward |" not in card


def test_a_name_that_looks_like_a_slot_stays_a_name(tmp_path: Path) -> None:
    card = card_of(run_in(tmp_path, {**SFT, "model": {"path": "{{seed}}"}}))

    assert "base_model: {{seed}}\n" in card


@pytest.mark.parametrize("lacking", ["record.json", "result.json"])
@pytest.mark.parametrize("torn", [False, True])
def test_a_run_that_has_not_ended_gets_no_card(lacking: str, torn: bool, tmp_path: Path) -> None:
    folder = run_in(tmp_path, SFT)
    (tmp_path / lacking).unlink()
    if torn:
        (tmp_path / lacking).write_text("{", encoding="utf-8")

    with pytest.raises(BadInput, match=f"folder of a run that has ended; it has no {lacking}"):
        card_of(folder)
