"""Whole runs by the command line: from synthesised rubrics to a model, and on after a kill."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clinalign.__main__ import app
from tests.conftest import ROOT
from tests.fake_server import FakeServer, serving
from tests.training_runs.kit import chatter, questions, run_file, write_rows
from training.run_folder import RunFolder

pytestmark = pytest.mark.training

LONGEST_SECONDS = 240.0
_FENCED = re.compile(r"^(`{5,})\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)


def judged_by_length(request: dict[str, Any]) -> str:
    """A fake judge model: whatever is asked, an answer of an even length does it."""
    schema = request["response_format"]["json_schema"]["schema"]
    answer = _FENCED.findall(request["messages"][-1]["content"])[1][1]
    met = {"explanation": "it is even", "quote": answer[:40], "verdict": "MET"}
    unmet = {"explanation": "it is odd", "quote": "", "verdict": "UNMET"}
    return json.dumps(dict.fromkeys(schema["required"], unmet if len(answer) % 2 else met))


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[FakeServer]:
    with serving(judged_by_length, models=["judge"]) as fake:
        monkeypatch.setenv("CLINALIGN_JUDGE_BASE_URL", fake.base_url)
        monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
        monkeypatch.setenv("CLINALIGN_FIND_MODEL", "0")
        yield fake


def does(*command: str) -> str:
    said = CliRunner().invoke(app, [str(one) for one in command])
    assert said.exit_code == 0, said.output
    return said.stdout


def ends(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of its own process, that has ended well."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    said = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    assert said.returncode == 0, said.stderr[-3000:]
    return said


def clinalign(*command: object) -> list[str]:
    return [sys.executable, "-m", "clinalign", *map(str, command)]


SMALL = {"max_steps": 2, "per_device_train_batch_size": 8, "learning_rate": 1e-4}
ROLLS = {"num_generations": 4, "max_completion_length": 24}


def test_rubrics_of_synthesis_train_by_sft_dpo_and_grpo_one_after_another(
    speaks: Any, judge: FakeServer, tmp_path: Path
) -> None:
    asked = write_rows(tmp_path / "asked.jsonl", [{"prompt": x["prompt"]} for x in questions(True)])
    rubrics, pairs, best = (tmp_path / f"{name}.jsonl" for name in ("rubrics", "pairs", "best"))
    does("synthesize", str(asked), "--out", str(rubrics), "--no-find")
    judged = write_rows(tmp_path / "judged.jsonl", list(with_answers(rubrics)))
    does("pairs", str(judged), "--out", str(pairs), "--best", str(best), "--longest", "9")

    model = speaks(0)
    for algorithm, data in (("sft", best), ("dpo", pairs), ("grpo", rubrics)):
        settings = SMALL | (ROLLS if algorithm == "grpo" else {})
        file = tmp_path / f"{algorithm}.toml"
        run_file(file, algorithm, model, data={"train": str(data)}, trainer=settings)
        told = json.loads(
            does("train", algorithm, str(file), "--out", str(tmp_path / algorithm), "--json")
        )
        model = tmp_path / algorithm / "model"
        assert told["why"] == "finished"
        assert told["steps"] == 2
        assert (model / "model.safetensors").is_file()

    assert told["judges"] == ["judge"]
    record = json.loads((tmp_path / "grpo" / "record.json").read_text(encoding="utf-8"))
    assert record["data"]["train"]["path"] == str(rubrics)
    assert record["versions"]["trl"].startswith("1.16")
    assert (tmp_path / "grpo" / "rewards.png").is_file()
    assert "by group relative policy optimisation" in card(tmp_path / "grpo")


def with_answers(rubrics: Path) -> Iterator[dict[str, Any]]:
    """Each question with an answer that does all that is good, and one that does all bad."""
    for line in rubrics.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers = [
            {
                "answer": answer,
                "verdicts": [
                    {
                        "criterion_id": one["id"],
                        "verdict": "MET" if (one["points"] > 0) == good else "UNMET",
                    }
                    for one in row["rubrics"]
                ],
            }
            for answer, good in (("How old? Not sure. Call now.", True), ("Two pills.", False))
        ]
        yield {**row, "answers": answers, "judge": "by hand"}


def card(run: Path) -> str:
    does("train", "card", str(run))
    return (run / "model" / "README.md").read_text(encoding="utf-8")


def test_a_run_that_was_killed_goes_on_from_its_checkpoint_with_the_same_data(
    speaks: Any, judge: FakeServer, world: dict[str, str], tmp_path: Path
) -> None:
    settings = SMALL | ROLLS | {"max_steps": 8, "save_steps": 2, "learning_rate": 1e-3}
    data = {"train": world["train"]}
    file = run_file(tmp_path / "run.toml", "grpo", speaks(0), data=data, trainer=settings)
    ends(clinalign("train", "grpo", file, "--out", tmp_path / "whole"))

    killed = tmp_path / "killed"
    kill_after(5, clinalign("train", "grpo", file, "--out", killed), killed)
    assert not (killed / "result.json").exists()
    ends(clinalign("train", "grpo", file, "--out", killed))

    whole, after = RunFolder(tmp_path / "whole"), RunFolder(killed)
    result = json.loads((killed / "result.json").read_text(encoding="utf-8"))
    assert result["steps"] == 8
    assert result["of_this_start"] in (4, 2)
    assert order(after) == order(whole)
    assert losses(after) == pytest.approx(losses(whole), abs=1e-5)
    again = CliRunner().invoke(app, ["train", "grpo", str(file), "--out", str(killed)])
    assert again.stdout.startswith("finished before")


def kill_after(step: int, command: list[str], folder: Path) -> None:
    """Kill -9 when this step has been logged."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    deadline, pause = time.monotonic() + LONGEST_SECONDS, threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        if any(row["step"] >= step for row in RunFolder(folder).rows("log.jsonl")):
            break
        pause.wait(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL, "it had ended before it could be killed"


def order(folder: RunFolder) -> list[tuple[int, str]]:
    """The questions of each step."""
    return sorted((row["step"], row["prompt_id"]) for row in folder.rows("criteria.jsonl"))


def losses(folder: RunFolder) -> list[float]:
    return [row["loss"] for row in folder.rows("log.jsonl") if "loss" in row]


def test_two_processes_find_the_losses_of_one(speaks: Any, tmp_path: Path) -> None:
    lessons = write_rows(tmp_path / "lessons.jsonl", chatter(1, 32))
    found = {}
    for processes in (1, 2):
        settings = SMALL | {"max_steps": 3, "per_device_train_batch_size": 8 // processes}
        file = tmp_path / f"{processes}.toml"
        run_file(file, "sft", speaks(0), data={"train": str(lessons)}, trainer=settings)
        out = tmp_path / f"by {processes}"
        # What `accelerate launch` starts where there are GPUs; on a CPU it knows one process.
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        begun = [sys.executable, *launch, "-m", "clinalign", "train", "sft", str(file)]
        ends([*begun, "--out", str(out)])
        found[processes] = losses(RunFolder(out))

    assert found[2] == pytest.approx(found[1], rel=1e-3)
