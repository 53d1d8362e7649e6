"""The rows of a run: each one used or named, and the order in which they come."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.words import read
from rubrics.types import Rubric
from tests.builders import rubric
from training.run_data import (
    Task,
    lessons_of,
    pairs_of,
    rollout_row,
    rollout_rows,
    tasks_of,
    worth_their_time,
)
from training.run_file import Curriculum, Scaffold
from training.samples import Difficulty

ASKED = "My chest hurts."
RUBRICS = [{"criterion": "Says to call", "points": 8}, {"criterion": "Says to wait", "points": -6}]
SAID = [{"role": "assistant", "content": "Call now."}]
PROMPT = [{"role": "user", "content": ASKED}]
QUESTION = {"prompt": ASKED, "rubrics": RUBRICS}
LESSON = {"prompt": ASKED, "completion": "Call now."}
PAIR = {"prompt": ASKED, "chosen": "Call now.", "rejected": "Wait."}
Reads = Callable[[str, str], list[Any]]


def written(folder: Path, *rows: Any) -> str:
    """A file of these rows; a text stands as it is."""
    path = folder / "rows.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def refused(reads: Reads, path: str) -> str:
    with pytest.raises(BadInput) as told:
        reads(path, "data.train")
    return str(told.value)


def task(name: str, mean: float | None = None, spread: float = 0.5, **points: float) -> Task:
    """A question, named by its words."""
    difficulty = None if mean is None else Difficulty(mean=mean, spread=spread, answers=4)
    asked = Conversation.of(f"question {name}")
    wanted = rubric(**(points or {"calls": 8}))
    return Task(prompt_id=name, asked=asked, rubric=wanted, difficulty=difficulty)


def test_questions_come_with_rubrics_and_how_hard_they_are(tmp_path: Path) -> None:
    hard = {"mean": 0.25, "spread": 0.5, "answers": 4}
    turns = [*PROMPT, *SAID, {"role": "user", "content": "And now?"}]
    path = written(
        tmp_path,
        {"prompt_id": "a", "prompt": turns, "rubrics": RUBRICS, "difficulty": hard},
        {"prompt_id": "b", "question": ASKED, "rubrics": RUBRICS, "difficulty": None},
    )

    first, second = tasks_of(path, "data.train")

    assert (first.prompt_id, first.asked.question) == ("a", "And now?")
    assert len(first.asked.messages) == 3
    assert first.difficulty == Difficulty(mean=0.25, spread=0.5, answers=4)
    assert (second.asked, second.difficulty) == (Conversation.of(ASKED), None)
    assert [(one.id, one.points) for one in second.rubric.criteria] == [("c1", 8), ("c2", -6)]


def test_a_question_without_an_id_gets_one_of_its_words(tmp_path: Path) -> None:
    path = written(tmp_path, QUESTION, {**QUESTION, "prompt": "I have a fever."})

    first, second = tasks_of(path, "data.train")
    again, _ = tasks_of(path, "data.train")

    assert first.prompt_id == again.prompt_id != second.prompt_id


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("no JSON", "a JSON file"),
        ("[1]", "a JSON object"),
        ({"rubrics": RUBRICS}, "a row with a question (prompt"),
        ({**QUESTION, "prompt": "  "}, "a question that is not empty"),
        ({**QUESTION, "prompt": SAID}, "messages whose last one is the user's"),
        ({**QUESTION, "prompt": "x" * 100_001}, "100,000 characters, got 100,001"),
        ({"prompt": ASKED}, "`rubrics`, as synthesis writes them"),
        ({**QUESTION, "rubrics": []}, "rubrics: expected at least one criterion"),
        ({**QUESTION, "rubrics": "Says to call"}, "rubrics is 'Says to call'; expected"),
        ({**QUESTION, "rubrics": [{"points": 8}]}, "rubrics[0].criterion"),
        ({**QUESTION, "rubrics": [{**RUBRICS[0], "points": 0}]}, "rubrics[0].points"),
        ({**QUESTION, "rubrics": RUBRICS[1:]}, "rubrics: expected a criterion with positive"),
        ({**QUESTION, "difficulty": {"mean": 1.0}}, "difficulty.spread: expected a value"),
        ({**QUESTION, "difficulty": "hard"}, "difficulty is 'hard'; expected"),
    ],
)
def test_a_question_that_cannot_be_used_is_named_by_its_line(
    bad: Any, expected: str, tmp_path: Path
) -> None:
    path = written(tmp_path, {**QUESTION, "prompt": "I have a fever."}, bad)

    said = refused(tasks_of, path)

    assert said.startswith(f"data.train {path} line 2")
    assert expected in said


@pytest.mark.parametrize(
    ("first", "second", "doubled"),
    [
        ({"prompt_id": "a"}, {"prompt_id": "a", "prompt": "I have a fever."}, "'a'"),
        ({}, {}, "prompt_id is '"),
    ],
)
def test_two_questions_never_share_an_id(
    first: dict[str, Any], second: dict[str, Any], doubled: str, tmp_path: Path
) -> None:
    path = written(tmp_path, {**QUESTION, **first}, {**QUESTION, **second})

    said = refused(tasks_of, path)

    assert said.startswith(f"data.train {path} line 2: prompt_id")
    assert doubled in said
    assert "expected one of its own for each row" in said


@pytest.mark.parametrize("completion", ["Call now.", SAID])
def test_a_lesson_is_a_question_and_one_answer(completion: Any, tmp_path: Path) -> None:
    path = written(tmp_path, {"prompt": ASKED, "completion": completion, "fraction": 1.0})

    assert lessons_of(path, "data.train") == [{"prompt": PROMPT, "completion": SAID}]


@pytest.mark.parametrize("chosen", ["Call now.", SAID])
def test_a_pair_is_a_question_with_the_better_and_the_worse_answer(
    chosen: Any, tmp_path: Path
) -> None:
    path = written(tmp_path, {**PAIR, "prompt": PROMPT, "chosen": chosen, "prompt_id": "a"})

    worse = [{"role": "assistant", "content": "Wait."}]
    assert pairs_of(path, "data.train") == [{"prompt": PROMPT, "chosen": SAID, "rejected": worse}]


@pytest.mark.parametrize(
    ("reads", "good", "name"),
    [
        (lessons_of, LESSON, "completion"),
        (pairs_of, PAIR, "chosen"),
        (pairs_of, PAIR, "rejected"),
    ],
)
@pytest.mark.parametrize("answer", [None, "", " \n", [], 5, [*SAID, *SAID], PROMPT])
def test_an_answer_that_is_none_is_named_by_its_line(
    reads: Reads, good: dict[str, Any], name: str, answer: Any, tmp_path: Path
) -> None:
    path = written(tmp_path, good, {**good, name: answer})

    assert refused(reads, path).startswith(f"data.train {path} line 2: {name}")


@pytest.mark.parametrize(("reads", "good"), [(lessons_of, LESSON), (pairs_of, PAIR)])
def test_an_answer_without_a_question_is_named_by_its_line(
    reads: Reads, good: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path, good, {**good, "prompt": None})

    said = refused(reads, path)

    assert said.startswith(f"data.train {path} line 2: expected a row with a question")


@pytest.mark.parametrize("reads", [tasks_of, lessons_of, pairs_of])
@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_a_file_without_rows_is_refused(reads: Reads, text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)

    assert refused(reads, path) == f"data.train {path}: expected at least one row"


def test_lessons_and_pairs_are_read_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    cells = f'prompt,completion,chosen,rejected\n{ASKED},"Call, now.",Call.,Wait.\n'
    path.write_text(cells, encoding="utf-8")

    (lesson,) = lessons_of(str(path), "data.train")
    (pair,) = pairs_of(str(path), "data.train")

    assert lesson["prompt"] == pair["prompt"] == PROMPT
    assert lesson["completion"][0]["content"] == "Call, now."
    assert [pair[name][0]["content"] for name in ("chosen", "rejected")] == ["Call.", "Wait."]


def test_turns_in_a_csv_cell_are_turns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    cell = json.dumps(SAID).replace('"', '""')
    path.write_text(f'prompt,completion\n{ASKED},"{cell}"\n', encoding="utf-8")

    assert lessons_of(str(path), "data.train") == [{"prompt": PROMPT, "completion": SAID}]


def test_questions_are_read_from_parquet_as_from_lines(tmp_path: Path) -> None:
    uneven = [{**RUBRICS[0], "critical": True}, *RUBRICS[1:]]
    rows = [
        {"prompt_id": name, "prompt": PROMPT, "rubrics": rubrics}
        for name, rubrics in (("a", RUBRICS), ("b", uneven))
    ]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)

    assert tasks_of(str(path), "data.train") == tasks_of(written(tmp_path, *rows), "data.train")


KNOWN = [
    task("easy", mean=0.75, spread=0.25),
    task("hard", mean=-0.25, spread=1.0),
    task("middle", mean=0.5, spread=0.5),
    task("settled", mean=1.0, spread=0.0),
]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (Curriculum(), ["easy", "hard", "middle", "settled"]),
        (Curriculum(least_spread=0.25), ["easy", "hard", "middle"]),
        (Curriculum(least_spread=0.26), ["hard", "middle"]),
        (Curriculum(least_mean=0.5), ["easy", "middle", "settled"]),
        (Curriculum(most_mean=0.75), ["easy", "hard", "middle"]),
        (Curriculum(least_mean=0.0, most_mean=0.9), ["easy", "middle"]),
        (Curriculum(easy_first=True), ["settled", "easy", "middle", "hard"]),
        (Curriculum(easy_first=True, most_mean=0.5), ["middle", "hard"]),
    ],
)
def test_questions_are_kept_by_how_their_answers_fared(limits: Curriculum, kept: list[str]) -> None:
    assert [one.prompt_id for one in worth_their_time(KNOWN, limits)] == kept


def test_a_question_of_unknown_difficulty_is_named_with_the_way_out() -> None:
    with pytest.raises(BadInput, match=r"'new'; expected `difficulty` .* --controls difficulty"):
        worth_their_time([*KNOWN, task("new")], Curriculum())


def test_limits_that_no_question_keeps_are_refused() -> None:
    with pytest.raises(BadInput, match="limits that some of the 4 questions keep"):
        worth_their_time(KNOWN, Curriculum(least_spread=2.0))


QUESTIONS = [task(f"q{place}") for place in range(20)]


def ids(number: int, seed: int = 0, in_order: bool = False) -> list[str]:
    return [one["prompt_id"] for one in rollout_rows(QUESTIONS, number, seed, in_order, None)]


def test_the_order_of_prompts_is_the_seeds() -> None:
    assert ids(40, seed=1) == ids(40, seed=1)
    assert ids(40, seed=1) != ids(40, seed=2)


def test_each_epoch_asks_every_question_once_in_an_order_of_its_own() -> None:
    said = ids(60)

    epochs = [said[start : start + 20] for start in (0, 20, 40)]
    assert [Counter(one) for one in epochs] == [Counter(one.prompt_id for one in QUESTIONS)] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_in_their_own_order_questions_come_as_they_are_in_each_epoch() -> None:
    own = [one.prompt_id for one in QUESTIONS]

    assert ids(50, in_order=True) == own + own + own[:10]


@pytest.mark.parametrize("number", [0, 1, 20, 21, 47])
def test_there_are_as_many_prompts_as_asked_for(number: int) -> None:
    assert len(ids(number)) == number


def scaffolded(number: int, scaffold: Scaffold, seed: int = 0) -> list[bool]:
    rows = rollout_rows(QUESTIONS, number, seed, False, scaffold)
    return ["a good answer" in one["prompt"][-1]["content"] for one in rows]


def test_the_scaffold_goes_away_by_the_share_of_the_run_it_is_given() -> None:
    held = scaffolded(2000, Scaffold(share=0.8, until=0.5))

    # 0.8 at the start, 0.4 at a quarter, 0 from the half on: means of 0.6 and 0.2.
    assert sum(held[:500]) / 500 == pytest.approx(0.6, abs=0.07)
    assert sum(held[500:1000]) / 500 == pytest.approx(0.2, abs=0.07)
    assert not any(held[1000:])


def test_a_whole_scaffold_begins_with_every_prompt() -> None:
    assert scaffolded(2000, Scaffold(share=1.0, until=1.0))[0]
    assert not any(scaffolded(2000, Scaffold(share=1.0, until=0.001))[2:])


def test_the_scaffold_is_the_seeds_and_leaves_the_order_alone() -> None:
    plan = Scaffold()
    rows = list(rollout_rows(QUESTIONS, 60, 1, False, plan))

    assert [one["prompt_id"] for one in rows] == ids(60, seed=1)
    assert scaffolded(60, plan, seed=1) == scaffolded(60, plan, seed=1)
    assert scaffolded(60, plan, seed=1) != scaffolded(60, plan, seed=2)


def test_what_the_judge_is_asked_never_holds_the_scaffold() -> None:
    asked = task("chest", says_to_call=8)
    before = asked.model_copy(deep=True)

    (row,) = rollout_rows([asked], 1, 0, False, Scaffold(share=1.0))

    assert "says to call" in row["prompt"][-1]["content"]
    assert row["prompt_id"] == asked.prompt_id
    assert asked == before
    assert asked.asked == Conversation.of("question chest")


def test_a_prompt_without_a_scaffold_is_the_question() -> None:
    earlier = (Message(role="system", content="Be brief."),)
    asked = task("chest").model_copy(update={"asked": Conversation.of(ASKED, earlier)})

    assert rollout_row(asked) == {
        "prompt": [{"role": "system", "content": "Be brief."}, *PROMPT],
        "prompt_id": "chest",
        "held": False,
    }
    assert rollout_row(asked, held=True)["held"] is True


def test_the_scaffold_says_what_is_wanted_and_what_is_not(
    golden: Callable[[str, str], None],
) -> None:
    rows = [
        {"criterion": "Tells the reader to call an ambulance now", "points": 8, "critical": True},
        {"criterion": "Suggests waiting at home", "points": -6},
        {"criterion": "Asks since when it hurts {{unwanted}}", "points": 4},
    ]
    earlier = (
        Message(role="user", content="I am 68."),
        Message(role="assistant", content="What is wrong?"),
    )
    asked = Conversation.of(ASKED, earlier)
    one = Task(prompt_id="a", asked=asked, rubric=Rubric.from_rows(rows))

    prompt = rollout_row(one, scaffolded=True)["prompt"]

    shown = read(Conversation, {"messages": prompt}, "prompt").as_text()
    golden("scaffold_prompt.txt", f"{shown}\n")


def test_a_rubric_without_harm_leaves_no_gap_in_the_scaffold() -> None:
    prompt = rollout_row(task("a", says_to_call=8), scaffolded=True)["prompt"]

    assert "what it does not do:\n\n- nothing more\n" in prompt[-1]["content"]
