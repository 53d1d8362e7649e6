"""The rows that a run is trained on, read strictly, in TRL's forms.

A row that cannot be used ends the run before it begins, with its line: what is left out silently
is missed by nobody.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.templates import fill
from inference.words import Word, read
from rubrics.types import Rubric
from training.inputs import parsed_rows
from training.run_file import Curriculum, Scaffold
from training.samples import Difficulty
from training.tasks import Rejected, asked_in, id_of


class Task(Word):
    """A question with the rubric by which its answers are rewarded."""

    prompt_id: str
    asked: Conversation
    rubric: Rubric
    difficulty: Difficulty | None = None


def tasks_of(path: str, what: str) -> list[Task]:
    """The questions with rubrics of a file: what synthesis writes, or HealthBench-shaped rows.

    Raises:
        BadInput: a row cannot be used, or two questions have one `prompt_id`.
    """
    found: dict[str, Task] = {}
    for where, row in parsed_rows(path, what):
        task = _task(row, where)
        if task.prompt_id in found:
            raise BadInput(f"{where}: prompt_id", "one of its own for each row", task.prompt_id)
        found[task.prompt_id] = task
    return _not_empty(list(found.values()), path, what)


def lessons_of(path: str, what: str) -> list[dict[str, Any]]:
    """Rows of `prompt` and `completion` for SFT, as `clinalign pairs --best` writes them.

    Raises:
        BadInput: a row cannot be used.
    """
    found = [
        {"prompt": _prompt(row, where), "completion": _said(row, "completion", where)}
        for where, row in parsed_rows(path, what)
    ]
    return _not_empty(found, path, what)


def pairs_of(path: str, what: str) -> list[dict[str, Any]]:
    """Rows of `prompt`, `chosen` and `rejected` for DPO, as `clinalign pairs --out` writes them.

    Raises:
        BadInput: a row cannot be used.
    """
    found = [
        {
            "prompt": _prompt(row, where),
            "chosen": _said(row, "chosen", where),
            "rejected": _said(row, "rejected", where),
        }
        for where, row in parsed_rows(path, what)
    ]
    return _not_empty(found, path, what)


def worth_their_time(tasks: Sequence[Task], curriculum: Curriculum) -> list[Task]:
    """The tasks that are neither too easy nor too hard.

    Raises:
        BadInput: a task has no difficulty, or none is left.
    """
    for task in tasks:
        if task.difficulty is None:
            way = "`difficulty` in every row; clinalign synthesize --controls difficulty writes it"
            raise BadInput("data.curriculum", way, task.prompt_id)
    kept = [one for one in tasks if one.difficulty and _fits(one.difficulty, curriculum)]
    if not kept:
        raise BadInput("data.curriculum", f"limits that some of the {len(tasks)} questions keep")
    if curriculum.easy_first:
        kept.sort(key=lambda one: -one.difficulty.mean if one.difficulty else 0.0)
    return kept


def rollout_rows(
    tasks: Sequence[Task], number: int, seed: int, in_order: bool, scaffold: Scaffold | None
) -> Iterator[dict[str, Any]]:
    """The prompts of a whole run in their order: epochs, each shuffled by itself.

    Args:
        tasks: the questions.
        number: of prompts in the run.
        seed: of order and scaffold.
        in_order: keep the tasks' own order in each epoch.
        scaffold: how many prompts hold the rubric; the judge never sees them so.
    """
    order, chance = random.Random(seed), random.Random(seed + 1)
    place = 0
    while place < number:
        epoch = list(tasks) if in_order else order.sample(tasks, len(tasks))
        for task in epoch[: number - place]:
            held = scaffold is not None and chance.random() < _share(scaffold, place / number)
            yield rollout_row(task, scaffolded=held)
            place += 1


def rollout_row(task: Task, scaffolded: bool = False, held: bool = False) -> dict[str, Any]:
    """One prompt. `held`: an answer to it is measured and never learnt from."""
    messages = list(task.asked.messages)
    if scaffolded:
        last = messages[-1]
        messages[-1] = Message(role=last.role, content=last.content + _scaffold(task.rubric))
    prompt = [one.model_dump() for one in messages]
    return {"prompt": prompt, "prompt_id": task.prompt_id, "held": held}


def _share(scaffold: Scaffold, progress: float) -> float:
    return scaffold.share * max(0.0, 1 - progress / scaffold.until)


def _scaffold(rubric: Rubric) -> str:
    template = (files("training") / "prompts" / "scaffold.md").read_text(encoding="utf-8")
    wanted = [f"- {one.criterion}" for one in rubric.criteria if one.points > 0]
    unwanted = [f"- {one.criterion}" for one in rubric.criteria if one.points < 0]
    shown = {"wanted": "\n".join(wanted), "unwanted": "\n".join(unwanted) or "- nothing more"}
    return "\n\n" + fill(template, **shown).strip()


def _task(row: Mapping[str, Any], where: str) -> Task:
    asked = _asked(row, where)
    if "rubrics" not in row:
        raise BadInput(where, "`rubrics`, as synthesis writes them")
    rubric = Rubric.from_rows(row["rubrics"], f"{where}: rubrics")
    if not any(one.points > 0 for one in rubric.criteria):
        raise BadInput(f"{where}: rubrics", "a criterion with positive points")
    given = row.get("difficulty")
    difficulty = read(Difficulty, given, f"{where}: difficulty") if given is not None else None
    return Task(prompt_id=id_of(row, asked), asked=asked, rubric=rubric, difficulty=difficulty)


def _asked(row: Mapping[str, Any], where: str) -> Conversation:
    try:
        return asked_in(row)
    except Rejected as no:
        raise BadInput(where, f"a row with a question ({no.why})") from None


def _prompt(row: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    return [one.model_dump() for one in _asked(row, where).messages]


def _said(row: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    given = row.get(name)
    turns = [{"role": "assistant", "content": given}] if isinstance(given, str) else given
    messages = read(tuple[Message, ...], turns, f"{where}: {name}")
    if [one.role for one in messages] != ["assistant"] or not messages[0].content.strip():
        raise BadInput(f"{where}: {name}", "one turn of the assistant that is not empty")
    return [one.model_dump() for one in messages]


def _fits(difficulty: Difficulty, curriculum: Curriculum) -> bool:
    spread, mean = difficulty.spread, difficulty.mean
    return spread >= curriculum.least_spread and (
        curriculum.least_mean <= mean <= curriculum.most_mean
    )


def _not_empty(found: list[Any], path: str, what: str) -> list[Any]:
    if not found:
        raise BadInput(f"{what} {path}", "at least one row")
    return found
