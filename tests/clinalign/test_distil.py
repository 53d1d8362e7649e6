"""Principles out of a file of rubrics, with and without a model, and what they cover."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from clinalign.__main__ import app
from principle_store.types import Library
from tests.distilling_kit import WISHES, rubric_rows, wish_of, written
from tests.fake_server import serving

Request = dict[str, Any]
STATEMENT = "Ask what matters before you advise"


@pytest.fixture
def rubrics(tmp_path: Path) -> Path:
    return written(rubric_rows(), tmp_path / "rubrics.jsonl")


@pytest.fixture
def run(data_dir: Path) -> Callable[..., Result]:
    settings = {"CLINALIGN_DATA_DIR": str(data_dir), "COLUMNS": "100"}
    runner = CliRunner(env=settings)
    return lambda *arguments: runner.invoke(app, ["principles", *map(str, arguments)])


@pytest.fixture
def distil(run: Callable[..., Result]) -> Callable[..., dict[str, Any]]:
    """The file that comes of it, and what was said under `said`."""

    def run_it(rubrics: Path, *options: object) -> dict[str, Any]:
        out = rubrics.with_suffix(".yaml")
        said = run("distil", rubrics, "--out", out, "--no-find", "--json", *options)
        assert said.exit_code == 0, said.stderr
        return {**yaml.safe_load(out.read_text(encoding="utf-8")), "said": json.loads(said.stdout)}

    return run_it


def test_the_wishes_behind_rubrics_are_proposed_once_each(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    file = distil(rubrics)

    served = [wish_of(one["statement"]) for one in file["principles"]]
    assert sorted(served) == sorted(WISHES)
    assert file["said"]["proposals"] == 4
    for one in file["principles"]:
        said = [criterion["criterion"] for criterion in one["criteria"]]
        assert {wish_of(text) for text in said} == {wish_of(one["statement"])}
        assert one["status"] == "drafted"
        assert "sources" not in one
        assert one["rationale"] == ""
        assert one["source_check"].startswith("unchecked: distilled from rubrics.jsonl")
        assert one["scenario"]["urgency"] == ["non_emergent"]
        assert one["scenario"]["depth"] == "any"
        assert one["distilled"]["evaluation"] == "not evaluated"
        assert one["distilled"]["written_by"] == "medoid"


def test_links_lead_back_to_every_criterion_of_every_row(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    file = distil(rubrics)

    groups = [one["distilled"]["from"] for one in file["principles"]]
    groups += [one["from"] for one in file["uncovered"]] + [file["single"]]
    linked = [link for links in groups for link in links]
    given = {
        (line, row["prompt_id"], f"c{place}", one["criterion"], row["reviewer"])
        for line, row in enumerate(rubric_rows(), start=1)
        for place, one in enumerate(row["rubrics"], start=1)
    }
    assert len(linked) == len(given)
    assert given == {
        (one["line"], one["prompt_id"], one["criterion_id"], one["criterion"], one["reviewer"])
        for one in linked
    }
    basis = file["principles"][0]["distilled"]
    assert basis["reviewers"] == ["a nurse", "a pharmacist"]
    assert basis["support"] == len(basis["from"])


def test_a_budget_is_kept_and_the_rest_stays_uncovered(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    file = distil(rubrics, "--budget", 2)

    assert len(file["principles"]) == 2
    assert len(file["uncovered"]) == 2


def test_a_library_criterion_is_known_as_such(
    tmp_path: Path, library: Library, distil: Callable[..., dict[str, Any]]
) -> None:
    principle = library.principles[0]
    known = principle.criteria[0]
    rows = rubric_rows()
    for row in rows:
        row["rubrics"].append({"criterion": known.criterion, "points": known.points})
    file = distil(written(rows, tmp_path / "known.jsonl"))

    (one,) = [one for one in file["principles"] if one["statement"] == known.criterion]
    assert one["distilled"]["nearest"] == {
        "relation": "duplicate",
        "principle_id": principle.id,
        "likeness": 1.0,
    }
    assert file["said"]["duplicate"] >= 1


def test_rows_as_synthesize_writes_them_are_read(
    tmp_path: Path, run: Callable[..., Result], distil: Callable[..., dict[str, Any]]
) -> None:
    questions, rubrics = tmp_path / "questions.jsonl", tmp_path / "made.jsonl"
    questions.write_text('{"prompt_id": "q", "prompt": "How much ibuprofen may I take?"}\n')
    settings = {"CLINALIGN_DATA_DIR": str(tmp_path)}
    made = CliRunner(env=settings).invoke(
        app, ["synthesize", str(questions), "--out", str(rubrics), "--no-find"]
    )
    assert made.exit_code == 0, made.stderr

    file = distil(rubrics)

    count = len(json.loads(rubrics.read_text(encoding="utf-8"))["rubrics"])
    assert file["made"]["criteria"] == count
    assert sum(cell["criteria"] for cell in file["cells"]) == count
    assert file["cells"][0]["urgency"]


def test_a_row_without_a_scenario_is_read_for_one(
    tmp_path: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    (row, *_) = rubric_rows()
    said = [{"role": "user", "content": "My chest hurts and I cannot breathe, what now?"}]
    del row["scenario"]

    file = distil(written([{**row, "prompt": said}], tmp_path / "bare.jsonl"))

    assert {cell["urgency"] for cell in file["cells"]} == {"emergent"}


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ('{"prompt": "x"', "line 3: expected a JSON file"),
        ("[1]", "line 3: expected a JSON object"),
        ('{"prompt": "x"}', "line 3: rubrics"),
        ('{"prompt": [], "rubrics": []}', "line 3: prompt"),
        ('{"prompt": "x", "rubrics": [{"criterion": "y", "points": 0}]}', "line 3: rubrics[0]"),
        (
            '{"prompt": "x", "rubrics": [{"criterion": "y", "points": 1}], "scenario": '
            '{"urgency": "soon"}}',
            "line 3: scenario.urgency is 'soon'",
        ),
        (
            '{"prompt": "x", "rubrics": [{"criterion": "y", "points": 1}], "answers": '
            '[{"answer": "z", "verdicts": {"c9": "MET"}}]}',
            "line 3: answers[0].verdicts is 'c9'",
        ),
        (
            '{"prompt": "x", "rubrics": [{"criterion": "y", "points": 1}], "answers": '
            '[{"answer": "z", "verdicts": {"c1": "perhaps"}}]}',
            "line 3: answers[0].verdicts.c1 is 'perhaps'",
        ),
    ],
)
def test_a_bad_row_is_one_sentence_with_its_line_and_nothing_is_written(
    tmp_path: Path, run: Callable[..., Result], broken: str, complaint: str
) -> None:
    good = [json.dumps(row) for row in rubric_rows()]
    file, out = tmp_path / "rubrics.jsonl", tmp_path / "out.yaml"
    file.write_text("\n".join([*good[:2], broken, *good[2:]]) + "\n", encoding="utf-8")

    said = run("distil", file, "--out", out, "--no-find")

    assert said.exit_code == 2
    assert complaint in said.stderr
    assert len(said.stderr.strip().split("\n")) == 1
    assert not out.exists()


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_is_refused(
    tmp_path: Path, run: Callable[..., Result], content: str
) -> None:
    (tmp_path / "empty.jsonl").write_text(content)

    said = run("distil", tmp_path / "empty.jsonl", "--out", tmp_path / "out.yaml", "--no-find")

    assert said.exit_code == 2
    assert "at least one row" in said.stderr


def test_nobody_s_proposals_are_written_over(
    rubrics: Path, distil: Callable[..., dict[str, Any]], run: Callable[..., Result]
) -> None:
    distil(rubrics)

    said = run("distil", rubrics, "--out", rubrics.with_suffix(".yaml"), "--no-find")

    assert said.exit_code == 2
    assert "a file that is not there yet" in said.stderr


def test_without_the_data_tools_it_says_how_to_get_them(
    rubrics: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.cluster", None)

    said = run("distil", rubrics, "--out", rubrics.with_suffix(".yaml"), "--no-find")

    assert said.exit_code == 1
    assert 'pip install "clinalign[data]"' in said.stderr


def model(*, statement: str = STATEMENT, points: int = 6) -> Callable[[Request], str]:
    """A model that does what is asked of it: restates, joins nothing, writes, judges by a word.

    An answer meets a criterion for it if it holds the criterion's last word.
    """

    def reply(request: Request) -> str:
        wanted = request["response_format"]["json_schema"]["schema"]["properties"]
        prompt = request["messages"][-1]["content"]
        if "same" in wanted:
            return json.dumps({"same": []})
        if "statement" in wanted:
            said = f"Answers with {statement.split()[-1]}"
            harm = {"criterion": "Says something harmful", "points": -5}
            criteria = [{"criterion": said, "points": points}, harm]
            written = {"statement": statement, "rationale": "It helps.", "criteria": criteria}
            return json.dumps({**written, "guidance": ["Ask."]})
        if "1" in wanted:
            texts = re.findall(r'^(\d+)\. (".*")$', prompt, re.MULTILINE)
            listed = {number: json.loads(text) for number, text in texts}
            return json.dumps({number: wish_of(text) or text for number, text in listed.items()})
        return json.dumps({key: _opinion(prompt, key) for key in wanted})

    return reply


def _opinion(prompt: str, key: str) -> dict[str, str]:
    (criterion,) = re.findall(rf'^{key}: "(.*)"$', prompt, re.MULTILINE)
    word = criterion.split()[-1]
    answer = prompt.split("`````")[-2]
    met = word in answer
    return {
        "explanation": "looked for it",
        "quote": word if met else "",
        "verdict": "MET" if met else "UNMET",
    }


def with_answers(rows: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    """Rows whose first criterion people found met where the answer has the word."""
    for number, row in enumerate(rows):
        good = row["rubrics"][0]["points"] > 0
        has_it = number % 2 == 0
        verdict = "MET" if has_it == good else "UNMET"
        answer = f"This is advice with some {word if has_it else 'other'} thing in it."
        row["answers"] = [{"answer": answer, "verdicts": {"c1": verdict}}]
    return rows


def test_a_model_writes_the_principle_and_answers_prove_it(
    tmp_path: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    rubrics = written(with_answers(rubric_rows(), "advise"), tmp_path / "rubrics.jsonl")
    with serving(model()) as fake:
        file = distil(rubrics, "--base-url", fake.base_url)

    assert len(file["principles"]) == 4
    ids = [one["id"] for one in file["principles"]]
    assert sorted(ids) == [f"ask-what-matters-before-you-advise{n}" for n in ("", "-2", "-3", "-4")]
    (one,) = [
        one
        for one in file["principles"]
        if wish_of(one["distilled"]["from"][0]["criterion"]) == "pregnancy"
    ]
    basis = one["distilled"]
    assert (one["statement"], one["rationale"]) == (STATEMENT, "It helps.")
    assert one["guidance"] == [{"do": "Ask."}]
    assert basis["written_by"] == basis["evaluation"]["judge"] == "fake"
    good = sum(points > 0 for _, points in WISHES["pregnancy"])
    assert basis["evaluation"]["compared"] == 6
    # Of the answers to harms a draft's own harm was found in none.
    harms_met = sum(
        row["answers"][0]["verdicts"]["c1"] == "MET" and row["rubrics"][0]["points"] < 0
        for row in with_answers(rubric_rows(), "advise")
    )
    assert good == 4
    assert basis["evaluation"]["first"] == round((6 - harms_met) / 6, 3)
    assert file["said"]["evaluated"] == 1
    assert file["said"]["spent"]["writer"]["calls"] > 5


def test_a_revision_that_agrees_better_is_taken_and_a_worse_one_is_not(
    tmp_path: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    rows = rubric_rows({"grief": [one for one in WISHES["grief"] if one[1] > 0] * 1})
    rubrics = written(with_answers(rows, "grief"), tmp_path / "rubrics.jsonl")
    first, worse = model(statement="Say nothing"), model(statement="Say rubbish")
    better, asked = model(statement="Speak of grief"), []

    def reply(request: Request) -> str:
        prompt = request["messages"][-1]["content"]
        if "comes to another verdict" in prompt:
            asked.append(prompt)
            return (worse if len(asked) == 1 else better)(request)
        return first(request)

    with serving(reply) as fake:
        file = distil(rubrics, "--base-url", fake.base_url)

    (one,) = file["principles"]
    evaluation = one["distilled"]["evaluation"]
    assert one["statement"] == "Speak of grief"
    assert (evaluation["first"], evaluation["agreement"]) == (0.4, 1.0)
    assert evaluation["rounds"] == 2
    assert "some grief thing" in asked[0]


def test_prose_instead_of_a_reply_leaves_the_medoid_with_a_note(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    with serving("I would rather talk about the weather.") as fake:
        file = distil(rubrics, "--base-url", fake.base_url)

    assert sorted(wish_of(one["statement"]) for one in file["principles"]) == sorted(WISHES)
    for one in file["principles"]:
        assert one["distilled"]["written_by"] == "medoid"
        assert "nothing usable in 3 attempts" in one["distilled"]["note"]


def test_a_model_that_goes_away_ends_it_and_nothing_is_written(
    rubrics: Path, run: Callable[..., Result]
) -> None:
    with serving((404, {"error": {"message": "no such model", "code": 404}})) as fake:
        out = rubrics.with_suffix(".yaml")
        said = run("distil", rubrics, "--out", out, "--base-url", fake.base_url)

    assert said.exit_code == 1
    assert not out.exists()


def test_members_that_a_model_holds_to_be_of_another_kind_are_let_go(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    plain = model()

    def reply(request: Request) -> str:
        said = json.loads(plain(request))
        prompt = request["messages"][-1]["content"]
        if "statement" in said and "museum" not in prompt:
            said["not_of_it"] = [1]
        return json.dumps(said)

    with serving(reply) as fake:
        file = distil(rubrics, "--base-url", fake.base_url)

    for one in file["principles"]:
        (gone,) = [m for m in one["distilled"]["merge_log"] if m["what"] == "left_out"]
        assert one["distilled"]["support"] == 5
        assert gone["joined"][0] in {
            f"{link['line']}:{link['criterion_id']}" for link in file["single"]
        }


def test_what_a_model_tells_apart_becomes_two_proposals(
    rubrics: Path, distil: Callable[..., dict[str, Any]]
) -> None:
    plain = model()

    def reply(request: Request) -> str:
        said = json.loads(plain(request))
        prompt = request["messages"][-1]["content"]
        if "1" in said:  # it cannot tell these two apart while it restates
            return json.dumps(
                {key: text.replace("grief", "pregnancy") for key, text in said.items()}
            )
        listed = re.findall(r'^(\d+)\. \[.*?\] (".*")$', prompt, re.MULTILINE)
        wishes = {int(number): wish_of(json.loads(text)) for number, text in listed}
        if "statement" in said and "pregnancy" in wishes.values():
            said["not_of_it"] = [number for number, wish in wishes.items() if wish == "grief"]
        return json.dumps(said)

    with serving(reply) as fake:
        file = distil(rubrics, "--base-url", fake.base_url)

    links = [one["distilled"]["from"] for one in file["principles"]]
    wishes = [sorted({wish_of(link["criterion"]) for link in some}) for some in links]
    assert sorted(wishes) == [[name] for name in sorted(WISHES)]
    assert [len(some) for some in links] == [6, 6, 6, 6]


def test_proposals_can_be_laid_over_the_library_as_drafts(
    rubrics: Path, distil: Callable[..., dict[str, Any]], run: Callable[..., Result], tmp_path: Path
) -> None:
    ids = [one["id"] for one in distil(rubrics)["principles"]]
    source = "A ward's own rubrics | What they want | 2026 | https://example.org/rubrics"
    said = run(
        *("import", rubrics.with_suffix(".yaml"), "--into", tmp_path / "overlay"),
        *("--source", source),
    )

    assert said.exit_code == 0, said.stderr
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "overlay").glob("*.yaml")]
    taken = [one for text in texts for one in yaml.safe_load(text)]
    assert sorted(one["id"] for one in taken) == sorted(ids)
    assert {one["status"] for one in taken} == {"drafted"}
