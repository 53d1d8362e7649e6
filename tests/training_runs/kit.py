"""A tiny model, a small world of questions, and a judge by rule: what can be learnt in seconds.

The judge is a fake: it looks for the words that a criterion names. Everything between it and the
weights is real: HealthTools over MCP, TRL, torch.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from inference.messages import Conversation
from mcp_server.client import connected
from principle_store.store import PrincipleStore
from rubrics.judge import Heard, Judge, unheard
from rubrics.reading import ScenarioReader
from rubrics.types import Criterion, Rubric, Verdict
from tests.builders import server_of
from tests.conftest import ROOT
from training.judges import Judges
from training.run import Result, train
from training.run_file import read_run_file
from training.run_folder import RunFolder

EMERGENT = (
    "crushing chest pain", "a drooping face", "trouble breathing", "a fit that will not stop",
    "blood in my vomit", "a swollen tongue", "sudden weakness in one arm", "a stiff neck and fever",
)  # fmt: skip
MILD = (
    "a runny nose", "a sore throat", "a small bruise", "dry skin",
    "a mild headache", "tired legs", "a scraped knee", "hiccups",
)  # fmt: skip
WHO = ("I have", "My son has", "My wife has", "My father has")
CALL, REST, AGE, UNSURE, TABLETS = (
    "Call now.",
    "Rest.",
    "How old?",
    "Not sure.",
    "Two pills.",
)
HABITS = {CALL: 0.4, REST: 0.4, AGE: 0.25, UNSURE: 0.25, TABLETS: 0.6}
"""How often an untaught answer says each: it seldom asks, seldom doubts, and likes to prescribe."""
AXIS = {
    CALL: "axis:accuracy",
    REST: "axis:accuracy",
    AGE: "axis:context_awareness",
    UNSURE: "axis:communication_quality",
    TABLETS: "axis:accuracy",
}


def rubric_rows(emergent: bool) -> list[dict[str, Any]]:
    """What a good answer says, and what it does not; in the shape that synthesis writes."""
    points = {CALL: 2 if emergent else -1, REST: -1 if emergent else 2}
    points |= {AGE: 4, UNSURE: 3, TABLETS: -4}
    return [
        {"id": f"c{place}", "criterion": f"Says: {said}", "points": value, "tags": [AXIS[said]]}
        for place, (said, value) in enumerate(points.items())
    ]


def questions(held_out: bool) -> list[dict[str, Any]]:
    """Rows with rubrics; those held out are asked of other people."""
    who = WHO[3:] if held_out else WHO[:3]
    return [
        {"prompt": f"{one} {complaint}.", "rubrics": rubric_rows(complaint in EMERGENT)}
        for one in who
        for complaint in (*EMERGENT, *MILD)
    ]


def chatter(seed: int, number: int) -> list[dict[str, Any]]:
    """Answers that say this and that in any order: where an untaught policy starts from."""
    chance = random.Random(seed)
    rows, said = questions(held_out=False), []
    for _ in range(number):
        chosen = [one for one, likely in HABITS.items() if chance.random() < likely]
        chance.shuffle(chosen)
        prompt = chance.choice(rows)["prompt"]
        said.append({"prompt": prompt, "completion": " ".join(chosen or [TABLETS])})
    return said


class RuleJudge:
    """A fake: a criterion is met if the sentence it names stands in the answer.

    Args:
        fails: whether a call, by its number, ends in an ERROR; never of a question held out.
        as_unmet: whether such an error is called UNMET, which is what nobody should do.
    """

    name, fingerprint, agreement = "rule judge", "rule", "a fake"

    def __init__(
        self, fails: Callable[[int], bool] = lambda _: False, as_unmet: bool = False
    ) -> None:
        self._fails, self._as_unmet = fails, as_unmet
        self.calls = self.failed = 0

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        self.calls += 1
        if not conversation.question.startswith(WHO[3]) and self._fails(self.calls):
            self.failed += 1
            value = "UNMET" if self._as_unmet else "ERROR"
            return tuple(_verdict(one, value) for one in rubric.criteria)
        return tuple(_verdict(one, _by_rule(one, answer)) for one in rubric.criteria)


def _by_rule(criterion: Criterion, answer: str) -> str:
    return "MET" if criterion.criterion.removeprefix("Says: ") in answer else "UNMET"


def _verdict(criterion: Criterion, value: str) -> Verdict:
    return Verdict.model_validate({"criterion_id": criterion.id, "verdict": value})


@contextmanager
def judging(
    store: PrincipleStore, reader: ScenarioReader, judge: Judge, examiner: Judge | None = None
) -> Iterator[Judges]:
    """The tools with these judges, over MCP in memory, in an event loop of their own."""

    @asynccontextmanager
    async def opened(portal: Any) -> Any:
        async with connected(server_of(store, reader, judge)) as tools:
            if examiner is None:
                yield Judges(portal, tools, "hash")
                return
            async with connected(server_of(store, reader, examiner)) as other:
                yield Judges(portal, tools, "hash", other)

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened(portal)) as it:
        yield it


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def tiny_model(folder: Path, seed: int) -> Path:
    """Random weights, made by the project's own tool."""
    build = [sys.executable, str(ROOT / "tools" / "build_tiny_model.py"), str(folder)]
    subprocess.run([*build, "--seed", str(seed)], check=True, capture_output=True, timeout=120)
    return folder


def run_file(path: Path, algorithm: str, model: Path, seed: int = 0, **tables: Any) -> Path:
    """A run file with these tables."""
    lines = [f'algorithm = "{algorithm}"', f"seed = {seed}"]
    for name, table in {"model": {"path": str(model)}, **tables}.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def trained(file: Path, out: Path, opens: Any = nullcontext) -> Result:
    """The run of a file, to its end."""
    folder = RunFolder(out)
    text = file.read_text(encoding="utf-8")
    ended = train(read_run_file(str(file)), text, folder, opens, lambda *_: None)
    assert ended is not None, "it had ended before"
    return ended


def speaking(folder: Path, seed: int) -> Path:
    """A tiny model that says any of the five sentences, taught by SFT."""
    lessons = write_rows(folder / "lessons.jsonl", chatter(seed, 800))
    settings = {
        "max_steps": 100,
        "per_device_train_batch_size": 16,
        "learning_rate": 2e-3,
        "lr_scheduler_type": "linear",
        "save_strategy": "no",
    }
    tiny, data = tiny_model(folder / "tiny", seed), {"train": str(lessons)}
    file = run_file(folder / "sft.toml", "sft", tiny, seed, data=data, trainer=settings)
    trained(file, folder / "run")
    return folder / "run" / "model"


def world_in(folder: Path) -> dict[str, str]:
    """The questions to learn from and those held out, as a run file's `[data]`."""
    return {
        "train": str(write_rows(folder / "train.jsonl", questions(held_out=False))),
        "eval": str(write_rows(folder / "eval.jsonl", questions(held_out=True))),
    }


TEACHES = {
    "per_device_train_batch_size": 64,
    "per_device_eval_batch_size": 64,
    "num_generations": 8,
    "num_generations_eval": 4,
    "max_completion_length": 24,
    "learning_rate": 6e-4,
    "lr_scheduler_type": "linear",
    "max_grad_norm": 0.5,
    "save_strategy": "no",
}
"""Settings of GRPO under which this world is learnt."""
