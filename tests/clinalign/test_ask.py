"""`clinalign ask` with nothing configured, and what it says when something is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner, Result

from agent.state import Limits, StopReason
from clinalign.__main__ import app
from clinalign.commands.ask import as_data
from clinalign.desk import Desk
from inference.messages import Conversation
from inference.words import read
from principle_store.loading import load_taxonomy
from tests.fake_server import serving

QUESTION = (
    "My father is 68 and has had chest pain for an hour. He is sweating and his arm hurts. "
    "What should we do?"
)
KEYS = {
    "prompt": list,
    "question": str,
    "scenario": dict,
    "principles": list,
    "rubric": list,
    "rubric_by": str,
    "attempts": list,
    "chosen": int,
    "answer": str,
    "stop_reason": str,
    "judge": str,
    "judge_agreement": str,
    "model": str,
    "library": dict,
    "notes": list,
    "flips": list,
    "referral": str,
    "spent": dict,
}

Ask = Callable[..., Result]


@pytest.fixture
def ask(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "100")

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["ask", *arguments])

    return ask


def check_shape(data: dict[str, Any]) -> None:
    """What programs rely on, whatever the question."""
    assert {key: type(value) for key, value in data.items()} == KEYS
    for label in data["scenario"].values():
        assert set(label) == {"value", "confidence", "from"}
    for principle in data["principles"]:
        assert set(principle) == {"id", "statement", "score", "why", "sources"}
    ids = [row["id"] for row in data["rubric"]]
    for attempt in data["attempts"]:
        assert [one["criterion_id"] for one in attempt["verdicts"]] == ids
        check_sums(attempt, data["rubric"])
    assert data["answer"] == data["attempts"][data["chosen"]]["answer"]


def check_sums(attempt: dict[str, Any], rubric: list[dict[str, Any]]) -> None:
    """The score is what its verdicts add up to, over the criteria that were judged."""
    points = {row["id"]: row["points"] for row in rubric}
    value = {one["criterion_id"]: one["verdict"] for one in attempt["verdicts"]}
    judged = [id for id in points if value[id] in ("MET", "UNMET")]
    earned = sum(points[id] for id in judged if value[id] == "MET")
    possible = sum(points[id] for id in judged if points[id] > 0)
    score = attempt["score"]
    if judged:
        assert (score["earned"], score["possible"]) == (earned, possible)
    else:
        assert (score["earned"], score["fraction"]) == (None, None)
    if possible:
        assert score["fraction"] == pytest.approx(earned / possible)


def test_json_is_exactly_one_object_that_tells_the_whole_path(ask: Ask) -> None:
    said = ask(QUESTION, "--json")

    data = json.loads(said.stdout)
    assert said.exit_code == 0
    assert said.stdout.count("\n") == 1
    check_shape(data)
    assert data["question"] == QUESTION
    assert data["principles"][0]["id"] == "heart-attack-call-first"
    assert data["model"] == "composer (no language model)"
    assert "screening" in data["judge"]
    assert len(data["attempts"]) >= 2
    fractions = [attempt["score"]["fraction"] for attempt in data["attempts"]]
    assert fractions[data["chosen"]] == max(fractions)


def test_people_see_every_stage(ask: Ask) -> None:
    said = ask(QUESTION)

    for words in (
        "Scenario",
        "emergent",
        "heart-attack-call-first",
        "European Society of Cardiology 2023",
        "Rubric",
        "+10",
        "draft",
        "revision 1",
        "Missed or objected to",
        "Answer",
        "Stopped:",
        "composer (no language model)",
        "built-in screening judge",
        "Not medical advice",
    ):
        assert words in said.stdout, words


def test_rounds_limit_the_revisions(ask: Ask) -> None:
    data = json.loads(ask(QUESTION, "--rounds", "0", "--json").stdout)

    assert (len(data["attempts"]), data["stop_reason"]) == (1, "round_limit")


@pytest.mark.parametrize("wrap", [lambda turns: turns, lambda turns: {"prompt": turns}])
def test_a_conversation_comes_from_a_file_and_a_question_may_follow(
    ask: Ask, tmp_path: Path, wrap: Callable[[Any], Any]
) -> None:
    turns = [
        {"role": "user", "content": "How much paracetamol may I take?"},
        {"role": "assistant", "content": "How old are you?"},
    ]
    file = tmp_path / "conversation.json"
    file.write_text(json.dumps(wrap(turns)), encoding="utf-8")

    data = json.loads(ask("I am 40.", "--conversation", str(file), "--json").stdout)

    assert data["question"] == "I am 40."
    assert "paracetamol-adult-dose-and-maximum" in [one["id"] for one in data["principles"]]


def test_a_model_server_is_used_when_it_is_named(ask: Ask) -> None:
    criterion = {"criterion": "Tells the reader to call", "points": 5, "axis": "accuracy"}
    read_as = {"value": "emergent", "confidence": "high"}
    names = [one.name for one in load_taxonomy().dimensions]
    none = {"value": "", "confidence": "low"}
    scenario = dict.fromkeys(names, none) | {"urgency": read_as}

    def reply(request: dict[str, Any]) -> str:
        """What a model says, by the shape it is asked for."""
        shape = request.get("response_format", {}).get("json_schema", {}).get("schema", {})
        wanted = shape.get("properties", {})
        if "scenario" in wanted:
            return json.dumps({"language": "en", "english": QUESTION, "scenario": scenario})
        if "first" in wanted:
            return json.dumps({"first": "Call 112, please.", "second": "It will pass."})
        if "criteria" in wanted:
            return json.dumps({"criteria": [criterion]})
        if wanted:
            met = {"explanation": "it does", "quote": "Call 112", "verdict": "MET"}
            return json.dumps(dict.fromkeys(wanted, met))
        return "Call 112 now."

    with serving(reply, models=("m",)) as fake:
        data = json.loads(ask(QUESTION, "--base-url", fake.base_url, "--json").stdout)

    check_shape(data)
    assert data["scenario"]["urgency"] == {"value": "emergent", "confidence": 0.9, "from": "model"}
    assert (data["model"], data["judge"], data["rubric_by"]) == ("m", "m", "m")
    assert data["answer"].endswith("Call 112 now.")
    assert data["stop_reason"] in ("target_reached", "no_gain")
    assert data["judge_agreement"].startswith("uncalibrated")


def refused(said: Result) -> str:
    assert said.stdout == ""
    (line,) = said.stderr.strip().split("\n")
    assert line.startswith("clinalign: ")
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([""], "question: expected a question that is not empty"),
        (["x" * 200_000], "at most 100,000 characters, got 200,000; shorten it"),
        (
            ["x", "--conversation", "/no/such/file"],
            "--conversation /no/such/file: expected a file that can",
        ),
        (["x", "--base-url", "localhost:8000"], "is 'localhost:8000'; expected an address like"),
    ],
)
def test_bad_usage_is_told_in_one_sentence_with_code_two(
    ask: Ask, arguments: list[str], complaint: str
) -> None:
    said = ask(*arguments)

    assert complaint in refused(said)
    assert said.exit_code == 2


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "a JSON file (line 1, column 2"),
        ('"hello"', "a list of {role, content}, or an object with `prompt`"),
        ("{}", "a list of {role, content}, or an object with `prompt`"),
        ('[{"role": "doctor", "content": "x"}]', "question.messages[0].role is 'doctor'"),
        ("[" * 100_000, "nested so deep"),
        (b"\xff\xfe", "a file in UTF-8"),
    ],
)
def test_a_bad_conversation_file_is_told_in_one_sentence(
    ask: Ask, tmp_path: Path, content: str | bytes, complaint: str
) -> None:
    file = tmp_path / "conversation.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    said = ask("x", "--conversation", str(file))

    assert complaint in refused(said)
    assert said.exit_code == 2


def test_an_unreachable_server_is_a_failure_with_the_way_out(ask: Ask) -> None:
    with serving() as fake:
        pass  # its port is closed again

    said = ask(QUESTION, "--base-url", fake.base_url, "--model", "m")

    assert f"nothing answers at {fake.base_url}; start the model server" in refused(said)
    assert said.exit_code == 1


def test_a_model_the_server_lacks_is_a_failure_that_names_those_it_has(ask: Ask) -> None:
    with serving(models=("a", "b")) as fake:
        said = ask(QUESTION, "--base-url", fake.base_url, "--model", "c")

    assert "no model 'c'; it has 'a', 'b'; set --model" in refused(said)
    assert said.exit_code == 1


def test_a_server_that_breaks_down_later_is_a_failure_in_one_sentence(ask: Ask) -> None:
    with serving((400, {"error": {"message": "out of order"}})) as fake:
        said = ask(QUESTION, "--base-url", fake.base_url)

    assert f"{fake.base_url} answered HTTP 400" in refused(said)
    assert said.exit_code == 1


def test_an_unwritable_data_folder_matters_only_where_something_is_to_be_kept(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a-file"
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(file / "data"))
    changed = "- id: heart-attack-call-first\n  statement: Call 112 for chest pain.\n"
    (tmp_path / "local.yaml").write_text(changed, encoding="utf-8")

    assert ask(QUESTION).exit_code == 0
    said = ask(QUESTION, "--overlay", str(tmp_path))

    assert "cannot be written (Not a directory); set CLINALIGN_DATA_DIR" in refused(said)
    assert said.exit_code == 1


def test_debug_shows_the_traceback(ask: Ask) -> None:
    assert "BadInput" in repr(ask("", "--debug").exception)


def test_the_installed_command_answers_in_a_fresh_process(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clinalign", "ask", QUESTION, "--json"],
        env={**os.environ, "CLINALIGN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )

    check_shape(json.loads(done.stdout))
    assert done.stderr == ""


async def test_fifty_real_conversations_all_end_in_an_answer(
    desk: Desk, shared_rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    rows = shared_rows("healthbench_sample_50.jsonl")

    for row in rows:
        asked = read(Conversation, {"messages": row["prompt"]}, "conversation")
        episode = await desk.ask(asked, Limits())
        data = json.loads(json.dumps(as_data(episode, desk.policy.name)))
        check_shape(data)
        assert data["answer"]
        assert data["stop_reason"] in get_args(StopReason)

    assert len(rows) == 50
