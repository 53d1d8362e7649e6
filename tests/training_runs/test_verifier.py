"""A verifier is trained on planted verdicts, exported, and judges as it was taught."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from clinalign.__main__ import app as clinalign
from clinalign.train_judge_command import judge
from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.distilled_judge import DistilledJudge
from rubrics.parsing import is_quoted
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric
from rubrics.verifier_card import Line
from tests.builders import server_of
from tests.fake_server import judging, serving
from tests.training_runs.planted import THINGS, long, named, rows, tiny_encoder, written
from training.reward import reward
from training.verifier import Recipe, Verifier, open_encoder, trained
from training.verifier_data import Example, Parts, lessons_of, parted

pytestmark = pytest.mark.training

EPOCHS, RATE, QUESTIONS = 12, 3e-3, 60
RECIPE = ["--epochs", str(EPOCHS), "--learning-rate", str(RATE), "--json"]
ASKED = Conversation.of("case 999 at home")
RUBRIC = Rubric.from_rows(
    [{"id": one, "criterion": f"names the {one}", "points": 5} for one in THINGS]
)

app = typer.Typer()
app.command()(judge)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("verdicts"), rows(QUESTIONS, named))


@pytest.fixture(scope="module")
def told(encoder: Path, verdicts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command said of the verifier that it made."""
    out = tmp_path_factory.mktemp("made") / "verifier"
    return said(train(verdicts, encoder, out, *RECIPE))


@pytest.fixture(scope="module")
def folder(told: dict[str, Any]) -> Path:
    return Path(told["out"])


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copied")


def train(verdicts: Path, encoder: Path, out: Path, *options: str) -> Result:
    given = [str(verdicts), "--encoder", str(encoder), "--out", str(out)]
    return CliRunner().invoke(app, [*given, *options])


def said(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def planted_parts() -> Parts:
    lessons = lessons_of((f"row {at}", row) for at, row in enumerate(rows(QUESTIONS, named)))
    return parted(lessons.examples, 0.2, seed=0)


def test_what_stands_in_an_answer_is_learnt_and_beats_both_baselines(told: dict[str, Any]) -> None:
    held = told["held_out"]

    assert held["verifier"]["auc"] > 0.9
    assert held["where_decided"]["balanced_f1"] > 0.9
    assert 0.3 < held["no_answer"]["auc"] < 0.7
    assert 0.3 < held["length"]["auc"] < 0.7
    assert held["majority"]["balanced_accuracy"] == 0.5
    assert "above the better baseline" in told["told"]


def test_the_card_says_what_it_was_made_of(told: dict[str, Any], encoder: Path) -> None:
    parts = planted_parts()

    assert told["judges"] == ["a planted judge"]
    assert told["encoder"] == encoder.name
    assert told["examples"] == len(parts.training)
    assert (told["held_out"]["questions"], told["questions"]) == (12, 60 - 12 - 6)
    assert told["held_out"]["examples"] == len(parts.held_out)
    assert (told["seed"], told["epochs"], told["most_tokens"]) == (0, EPOCHS, 64)
    assert len(told["data_sha256"]) == 64


def test_where_length_alone_decides_the_report_says_so(encoder: Path, tmp_path: Path) -> None:
    verdicts = written(tmp_path, rows(40, long))

    found = said(train(verdicts, encoder, tmp_path / "out", *RECIPE[2:], "--epochs", "2"))

    assert found["held_out"]["length"]["auc"] == 1.0
    assert "0.05 above" in found["told"]
    assert "the length baseline" in found["told"]
    assert "Do not reward with it" in found["told"]


def test_people_see_a_line_for_the_verifier_and_each_baseline(
    encoder: Path, tmp_path: Path
) -> None:
    verdicts = written(tmp_path, rows(20, named))

    done = train(verdicts, encoder, tmp_path / "out", "--epochs", "1")

    assert done.exit_code == 0, done.stderr
    for seen in ("verifier", "no answer", "length alone", "commoner", "CLINALIGN_JUDGE_FOLDER="):
        assert seen in done.stdout
    assert "Only 4 held-out questions" in done.stdout


@pytest.fixture(scope="module")
def again(encoder: Path) -> Verifier:
    """The same training once more, in torch."""
    parts, recipe = planted_parts(), Recipe(epochs=EPOCHS, learning_rate=RATE)
    pairs, labels = [one.pair() for one in parts.training], [one.met for one in parts.training]
    return trained(open_encoder(encoder), pairs, labels, recipe, lambda _: None)


@pytest.mark.parametrize("answer", ["fever and rash then rest", "also well pain", "rest rest"])
async def test_what_is_served_says_what_the_same_training_says_in_torch(
    answer: str,
    again: Verifier,
    folder: Path,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
) -> None:
    judge = DistilledJudge(folder)
    store = InMemoryPrincipleStore(library, embedder, cached)

    async with connected(server_of(store, reader, judge)) as tools:
        scored = await tools.score_against_rubric(ASKED, answer, RUBRIC)

    asked = [
        Example(criterion=one.criterion, question=ASKED.question, answer=answer, met=True)
        for one in RUBRIC.criteria
    ]
    logits = again.logits([one.pair() for one in asked])
    chances = [judge.card.line.chance(one) for one in logits]
    assert [one.probability for one in scored.verdicts] == pytest.approx(chances, abs=1e-3)
    assert scored.judge == "distilled from a planted judge"
    assert "held-out verdicts" in scored.judge_agreement


async def test_every_met_quotes_a_sentence_that_stands_in_the_answer(folder: Path) -> None:
    answer = "Rest and then also rest. Fever and rash. Then well."

    found = await DistilledJudge(folder).verdicts(ASKED, answer.lower(), RUBRIC)

    met = [one for one in found if one.verdict == "MET"]
    assert met
    assert all(is_quoted(one.quote, answer) for one in met)


async def test_it_can_reward_and_an_open_criterion_is_no_zero(
    folder: Path,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    judge = DistilledJudge(folder)
    undecided = judge.card.model_copy(update={"line": Line(slope=0.0, offset=0.0)})

    async with connected(server_of(store, reader, judge)) as tools:
        given = await reward(tools, ASKED, "fever and rash then", RUBRIC)
    judge.card = undecided
    async with connected(server_of(store, reader, judge)) as tools:
        left = await reward(tools, ASKED, "fever and rash then", RUBRIC)

    assert given == 0.5
    assert left is None


async def test_nothing_is_said_to_be_missing_from_an_answer_that_was_not_read_to_its_end(
    folder: Path,
) -> None:
    judge = DistilledJudge(folder)
    judge.card = judge.card.model_copy(
        update={"line": Line(slope=1.0, offset=-1e6)}
    )  # finds nothing met

    short = await judge.verdicts(ASKED, "fever and rest", RUBRIC)
    long = await judge.verdicts(ASKED, "fever and rest " * 40, RUBRIC)

    assert {(one.verdict, one.reason) for one in short} == {("UNMET", "")}
    assert {(one.verdict, one.reason) for one in long} == {("ABSTAIN", "beyond_the_judge")}


async def test_an_answer_that_says_nothing_meets_nothing(folder: Path) -> None:
    found = await DistilledJudge(folder).verdicts(ASKED, "Great question!", RUBRIC)

    assert {(one.verdict, one.reason) for one in found} == {("UNMET", "no_content")}


def damaged(folder: Path, how: str) -> None:
    match how:
        case "no card":
            (folder / "verifier.json").unlink()
        case "no model":
            (folder / "model.onnx").unlink()
        case "torn model":
            whole = (folder / "model.onnx").read_bytes()
            (folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
        case "another tokenizer":
            (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
        case _:
            (folder / "verifier.json").write_text('{"kind": "x"}', encoding="utf-8")


@pytest.mark.parametrize(
    ("how", "code", "why"),
    [
        ("no card", 2, "CLINALIGN_JUDGE_FOLDER is "),
        ("no model", 1, "train it again"),
        ("torn model", 1, "model.onnx is not the file that verifier.json names"),
        ("another tokenizer", 1, "tokenizer.json is not the file"),
        ("another card", 1, "is no verifier's card"),
    ],
)
def test_a_folder_that_is_not_whole_is_one_clear_error(
    how: str, code: int, why: str, copied: Path, data_dir: Path, tmp_path: Path
) -> None:
    damaged(copied, how)

    done = judged(copied, data_dir, tmp_path)

    assert done.exit_code == code
    assert why in done.stderr
    assert done.stdout == ""


def judged(
    folder: Path, data_dir: Path, tmp_path: Path, *options: str, critical: str = ""
) -> Result:
    """One answer, judged by the command."""
    files = {
        "rubric": json.dumps([one | {"critical": one["id"] == critical} for one in RUBRIC.rows()]),
        "conversation": json.dumps([one.model_dump() for one in ASKED.messages]),
        "answer": "fever and rash then",
    }
    given = []
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        given += [f"--{name}", str(tmp_path / name)]
    env = {"CLINALIGN_DATA_DIR": str(data_dir), "CLINALIGN_JUDGE_FOLDER": str(folder)}
    which = [] if "--judge" in options else ["--judge", "distilled"]
    return CliRunner(env=env).invoke(clinalign, ["judge", "run", *which, *given, *options])


def test_the_command_judges_with_it(folder: Path, data_dir: Path, tmp_path: Path) -> None:
    found = said(judged(folder, data_dir, tmp_path, "--json"))

    assert found["judge"] == "distilled from a planted judge"
    assert found["criteria_met"] == [one in ("fever", "rash") for one in THINGS]
    refused = judged(folder, data_dir, tmp_path, "--votes", "3")
    assert refused.exit_code == 2
    assert "the distilled judge has one opinion" in refused.stderr


def test_in_fast_mode_the_model_is_asked_about_what_is_critical_or_left_open_alone(
    folder: Path, data_dir: Path, tmp_path: Path
) -> None:
    def reply(request: dict[str, Any]) -> str:
        return judging()(request) if "response_format" in request else "?"

    with serving(reply) as fake:
        options = ("--judge", "model", "--base-url", fake.base_url, "--json", "--no-cache")
        fast = said(
            judged(folder, data_dir, tmp_path, *options, "--mode", "fast", critical="fever")
        )
        asked_fast = len(fake.asked)
        single = said(judged(folder, data_dir, tmp_path, *options, "--mode", "single"))

    assert asked_fast == 1
    assert fast["criteria_met"] == [one == "rash" for one in THINGS]
    assert fast["judge"].startswith("distilled from a planted judge, then fake")
    assert single["criteria_met"] == [False] * len(THINGS)
    assert single["judge"].startswith("fake")


def test_its_passport_is_measured_like_any_judges(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLINALIGN_JUDGE_FOLDER", str(folder))
    asked = [one.model_dump() for one in ASKED.messages]
    labels = [
        {"prompt": asked, "completion": "fever and rash then", "criterion": one.criterion}
        | {"labels": [one.id in ("fever", "rash")]}
        for one in RUBRIC.criteria
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in labels), encoding="utf-8")

    command = ["judge", "calibrate", "--judge", "distilled", "--labels", str(file)]
    calibrated = CliRunner().invoke(clinalign, command)

    assert calibrated.exit_code == 0, calibrated.stderr
    found = said(judged(folder, tmp_path, tmp_path, "--json"))
    assert found["judge_agreement"].startswith("balanced F1 1.00, kappa 1.00 with physicians")


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def torn(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def with_weights_of_another(folder: Path) -> None:
    """Fewer layers than the configuration says: the rest would be weights by chance."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), "utf-8")


def of_no_known_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "abacus"}), "utf-8")


def of_a_decoder(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "gpt2"}), "utf-8")


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        without_weights,
        torn,
        with_weights_of_another,
        of_no_known_kind,
        of_a_decoder,
        without_tokenizer,
    ],
)
def test_an_encoder_that_is_none_is_one_clear_error_and_leaves_nothing(
    damage: Callable[[Path], None], encoder: Path, verdicts: Path, tmp_path: Path
) -> None:
    wrong = shutil.copytree(encoder, tmp_path / "wrong")
    damage(wrong)

    done = train(verdicts, wrong, tmp_path / "out")

    assert done.exit_code == 2, done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("clinalign: ")]
    assert f"--encoder {wrong}" in line
    assert "expected a folder with an encoder" in line
    assert [one.name for one in tmp_path.iterdir()] == ["wrong"]


def test_more_tokens_than_the_encoder_reads_are_refused(
    encoder: Path, verdicts: Path, tmp_path: Path
) -> None:
    done = train(verdicts, encoder, tmp_path / "out", "--most-tokens", "65")

    assert done.exit_code == 2
    assert "--most-tokens is 65; expected at most 64" in done.stderr


def test_a_run_away_training_says_so_and_leaves_nothing(
    encoder: Path, verdicts: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    wrong = shutil.copytree(encoder, tmp_path / "wrong")
    weights = load_file(wrong / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][:] = torch.nan
    save_file(weights, wrong / "model.safetensors", metadata={"format": "pt"})

    done = train(verdicts, wrong, tmp_path / "out")

    assert done.exit_code == 1
    assert "lower --learning-rate" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["wrong"]


def test_answers_too_long_for_the_encoder_are_left_out_and_counted(
    encoder: Path, tmp_path: Path
) -> None:
    made = list(rows(20, named))
    made[0]["answers"][0]["answer"] += " rest" * 80

    options = (*RECIPE[2:], "--epochs", "1")
    found = said(train(written(tmp_path, iter(made)), encoder, tmp_path / "out", *options))

    assert found["left_out"] == {"too_long": len(THINGS)}


def test_an_earlier_verifier_is_replaced_whole(copied: Path, encoder: Path, verdicts: Path) -> None:
    before = (copied / "verifier.json").read_bytes()

    said(train(verdicts, encoder, copied, "--epochs", "1", "--json"))

    assert (copied / "verifier.json").read_bytes() != before
    assert DistilledJudge(copied).card.epochs == 1
    assert not copied.with_name("copied.part").exists()
