"""Preferences and best answers out of judged ones, in the forms that TRL reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clinalign.__main__ import app

RUBRIC = [
    {"id": "calls", "criterion": "Tells the reader to call", "points": 8, "critical": True},
    {"id": "asks", "criterion": "Asks since when", "points": 4},
    {"id": "waits", "criterion": "Suggests waiting", "points": -6},
    {"id": "long", "criterion": "Is far too long", "points": -4, "tags": ["care:length"]},
]
PROMPT = [{"role": "user", "content": "My chest hurts."}]


def judged(answer: str, letters: str, **more: Any) -> dict[str, Any]:
    """An answer with verdicts: M met, U unmet, A abstained, one a criterion."""
    words = {"M": "MET", "U": "UNMET", "A": "ABSTAIN"}
    verdicts = [
        {"criterion_id": one["id"], "verdict": words[letter]}
        for one, letter in zip(RUBRIC, letters, strict=True)
    ]
    return {"answer": answer, "verdicts": verdicts, **more}


def row(*answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"prompt_id": "q", "prompt": PROMPT, "rubrics": RUBRIC, "answers": answers, **more}


def pairs(folder: Path, rows: list[Any], *options: str) -> tuple[Result, list[Any], list[Any]]:
    """What was said, the pairs, and the best answers."""
    file, out, best = (folder / f"{name}.jsonl" for name in ("episodes", "pairs", "best"))
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    command = ["pairs", str(file), "--out", str(out), "--best", str(best), "--json", *options]
    said = CliRunner().invoke(app, command)
    made = [
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.exists()
        else []
        for path in (out, best)
    ]
    return said, made[0], made[1]


GOOD, BAD = judged("Call now. Since when?", "MMUU"), judged("You can wait at home.", "UUMU")


def test_the_better_answer_is_preferred_and_learnt_from(tmp_path: Path) -> None:
    said, made, best = pairs(tmp_path, [row(BAD, GOOD)])

    assert said.exit_code == 0, said.stderr
    assert made == [
        {
            "prompt_id": "q",
            "prompt": PROMPT,
            "chosen": [{"role": "assistant", "content": "Call now. Since when?"}],
            "rejected": [{"role": "assistant", "content": "You can wait at home."}],
            "chosen_fraction": 1.0,
            "rejected_fraction": -0.5,
        }
    ]
    assert [one["completion"][0]["content"] for one in best] == ["Call now. Since when?"]
    told = json.loads(said.stdout)
    assert (told["pairs"], told["best_answers"], told["longer_one_wins"]) == (1, 1, 0.0)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([GOOD], "too_few_answers"),
        ([GOOD, judged("Something else.", "MAAU")], "too_few_answers"),
        ([GOOD, judged("Cut off in the", "MUUU", truncated=True)], "too_few_answers"),
        ([GOOD, judged("Call. Since?", "MMUU")], "margin"),
        ([GOOD, judged("Call now. Since when? And so on.", "MMUM")], "length_only"),
        (
            [judged("Since when did it start?", "UMUU"), judged("Call, or wait.", "MUMU")],
            "critical",
        ),
        ([judged("Call now. " * 30, "MMUU"), BAD], "longer"),
    ],
)
def test_what_is_no_pair_is_counted_by_its_reason(
    answers: list[dict[str, Any]], why: str, tmp_path: Path
) -> None:
    said, made, _ = pairs(tmp_path, [row(*answers)])

    assert said.exit_code == 0, said.stderr
    assert made == []
    assert json.loads(said.stdout)[f"no_pair_{why}"] == 1


def test_what_the_screening_judge_scored_makes_nothing(tmp_path: Path) -> None:
    said, made, best = pairs(tmp_path, [row(BAD, GOOD, judge="built-in screening judge")])

    assert (made, best) == ([], [])
    assert json.loads(said.stdout)["no_pair_unfit_judge"] == 1


def test_more_pairs_of_one_question_come_farthest_apart_first(tmp_path: Path) -> None:
    middle = judged("Call somebody.", "MUUU")
    _, made, _ = pairs(tmp_path, [row(BAD, middle, GOOD)], "--most", "3")

    margins = [one["chosen_fraction"] - one["rejected_fraction"] for one in made]
    assert len(margins) == 3
    assert margins == sorted(margins, reverse=True)


def test_an_episode_of_the_agent_is_read_as_it_is_written(tmp_path: Path) -> None:
    asked = {"prompt": "Can I take ibuprofen while breastfeeding?"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(asked) + "\n", encoding="utf-8")
    episodes = tmp_path / "asked.jsonl"
    env = {"CLINALIGN_DATA_DIR": str(tmp_path)}
    ask = ["ask", "--file", str(tmp_path / "questions.jsonl"), "--out", str(episodes), "--no-find"]
    asking = CliRunner(env=env).invoke(app, ask)
    assert asking.exit_code == 0, asking.stderr

    episode = json.loads(episodes.read_text(encoding="utf-8"))
    assert episode["prompt"] == [{"role": "user", "content": asked["prompt"]}]
    said, _, _ = pairs(tmp_path, [episode])
    assert said.exit_code == 0, said.stderr
    assert json.loads(said.stdout)["no_pair_unfit_judge"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"prompt": PROMPT},
        {"prompt": [], "rubrics": RUBRIC, "answers": []},
        row({"answer": "Call.", "verdicts": []}),
        row("Call."),  # type: ignore[arg-type]
        [],
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(bad: Any, tmp_path: Path) -> None:
    said, made, best = pairs(tmp_path, [row(GOOD, BAD), bad])

    assert said.exit_code == 2
    assert "episodes.jsonl line 2" in said.stderr
    assert (made, best) == ([], [])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["episodes.jsonl"]


@pytest.mark.parametrize(("out", "best"), [("same", "same"), ("episodes", ""), ("a", "episodes")])
def test_each_file_is_one_of_its_own(out: str, best: str, tmp_path: Path) -> None:
    file = tmp_path / "episodes"
    file.write_text(written := json.dumps(row(GOOD, BAD)) + "\n", encoding="utf-8")
    named = [*("--out", str(tmp_path / out)), *(("--best", str(tmp_path / best)) if best else ())]
    said = CliRunner().invoke(app, ["pairs", str(file), *named])

    assert said.exit_code == 2
    assert file.read_text(encoding="utf-8") == written
    assert [one.name for one in tmp_path.iterdir()] == ["episodes"]
