"""The house against a real vLLM. Its model is random: it says noise, which has to be handled."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner, Result

from agent.state import StopReason
from clinalign.__main__ import app
from inference.bulk_chat import BulkChat
from inference.chat import Heard, Reply, Sampling, unheard
from inference.endpoint import Endpoint
from inference.errors import ModelError
from inference.ledger import Ledger, Metered
from inference.messages import Conversation, Message
from inference.openai_compatible import OpenAICompatibleChat
from rubrics.judge import Mode
from rubrics.model_judge import ATTEMPTS, Manner, ModelJudge
from rubrics.model_reading import ModelScenarioReader
from rubrics.parsing import is_quoted
from rubrics.reading import ScenarioReader
from rubrics.taxonomy import Taxonomy
from rubrics.types import Rubric
from rubrics.writer import Hint, RubricWriter
from tests.builders import rubric
from tests.clinalign.test_ask import check_shape
from tests.servers.vllm_server import tiny_vllm

pytestmark = pytest.mark.server

QUESTION = "My father has had chest pain for an hour. What should we do?"
ASKED = Conversation.of(QUESTION)


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = os.environ.get("CLINALIGN_TEST_SERVE_PYTHON")
    if not python:
        pytest.skip("no Python with vLLM is named; `make test-servers` makes one and names it")
    with tiny_vllm(python, tmp_path_factory.mktemp("vllm")) as base_url:
        yield base_url


@pytest.fixture
async def chat(base_url: str) -> AsyncIterator[OpenAICompatibleChat]:
    chat = OpenAICompatibleChat(Endpoint(base_url=base_url, model="tiny"))
    yield chat
    await chat.aclose()


@pytest.fixture
async def bulk(base_url: str) -> AsyncIterator[BulkChat]:
    chat = BulkChat(Endpoint(base_url=base_url, model="tiny"))
    yield chat
    await chat.aclose()


@pytest.fixture
def ask(base_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["ask", "--base-url", base_url, "--json", *arguments])

    return ask


class WithoutSchema:
    """The same server, asked as one that cannot hold a model to a schema."""

    def __init__(self, chat: OpenAICompatibleChat) -> None:
        self.name, self._chat = chat.name, chat

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        short = sampling.model_copy(update={"max_tokens": 64})
        return await self._chat.complete(messages, short, heard=heard)


def test_ask_completes_whatever_the_model_says(ask: Callable[..., Result]) -> None:
    said = ask(QUESTION)

    assert said.exit_code == 0, said.stderr
    data = json.loads(said.stdout)
    check_shape(data)
    assert (data["model"], data["judge"]) == ("tiny", "tiny")


def test_a_model_that_may_call_the_tools_itself_completes(ask: Callable[..., Result]) -> None:
    said = ask(QUESTION, "--tools", "model", "--rounds", "0")

    assert said.exit_code == 0, said.stderr
    check_shape(json.loads(said.stdout))


def test_fifty_real_questions_end_for_a_named_reason(
    base_url: str, shared_rows: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    rows = shared_rows("healthbench_sample_50.jsonl")
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    answers = tmp_path / "answers.jsonl"
    settings = {
        "CLINALIGN_POLICY_BASE_URL": base_url,  # the judge is the built-in one, for the time's sake
        "CLINALIGN_DATA_DIR": str(tmp_path),
    }

    said = CliRunner(env=settings).invoke(
        app,
        [
            *("ask", "--file", str(questions), "--out", str(answers)),
            *("--tokens", "160", "--no-find"),
        ],
    )

    assert said.exit_code == 0, said.stderr
    told = [json.loads(line) for line in answers.read_text(encoding="utf-8").split("\n") if line]
    assert len(told) == 50
    assert {row["stop_reason"] for row in told} <= set(get_args(StopReason))


def test_real_conversations_complete(
    ask: Callable[..., Result],
    shared_rows: Callable[[str], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    rows = shared_rows("healthbench_sample_50.jsonl")
    longest = sorted(rows, key=lambda row: -sum(len(turn["content"]) for turn in row["prompt"]))
    file = tmp_path / "conversation.json"

    for row in longest[:2]:
        file.write_text(json.dumps(row["prompt"]), encoding="utf-8")
        said = ask("--conversation", str(file), "--rounds", "1")
        assert said.exit_code == 0, said.stderr
        check_shape(json.loads(said.stdout))


async def test_a_verdict_held_to_the_schema_never_passes_without_its_evidence(
    chat: OpenAICompatibleChat,
) -> None:
    asked = rubric(calls_the_emergency_number=9, asks_for_the_age=3, suggests_waiting=-6)

    answer = "Call now. Sit down."

    verdicts = await ModelJudge(chat).verdicts(ASKED, answer, asked)

    assert [one.criterion_id for one in verdicts] == [one.id for one in asked.criteria]
    assert all(one.verdict != "MET" or is_quoted(one.quote, answer) for one in verdicts)
    assert any(one.verdict != "ERROR" for one in verdicts)


@pytest.mark.parametrize("mode", ["single", "packed", "fast"])
async def test_every_manner_of_judging_completes(bulk: BulkChat, mode: Mode) -> None:
    asked = rubric(**{f"says_thing_{number}": 2 for number in range(4)}, suggests_waiting=-6)
    ledger = Ledger()
    judge = ModelJudge(Metered(bulk, ledger, "judge"), Manner(mode=mode, pack=3))

    verdicts = await judge.verdicts(ASKED, "Call now. Sit down.", asked)

    assert [one.criterion_id for one in verdicts] == [one.id for one in asked.criteria]
    assert any(one.verdict != "ERROR" for one in verdicts)
    spent = ledger.of("judge")
    assert spent.calls >= {"single": 5, "packed": 2, "fast": 5}[mode]
    assert spent.failed == 0
    assert spent.completion_tokens > 0


async def test_the_server_tells_the_chances_of_the_first_word(bulk: BulkChat) -> None:
    reply = await bulk.complete(ASKED.messages, Sampling(max_tokens=1, likeliest=5))

    assert len(reply.first_token) == 5
    assert 0 < sum(reply.first_token.values()) <= 1


async def test_an_unreadable_verdict_is_an_error_and_never_unmet(
    chat: OpenAICompatibleChat,
) -> None:
    judge = ModelJudge(WithoutSchema(chat))

    verdicts = await judge.verdicts(ASKED, "Call now.", rubric(calls=9, asks=3))

    assert {one.verdict for one in verdicts} == {"ERROR"}
    assert all(f"unreadable reply in {ATTEMPTS} attempts" in one.explanation for one in verdicts)


async def test_the_writer_completes_with_a_rubric_that_can_be_judged(
    chat: OpenAICompatibleChat,
) -> None:
    ready = rubric(tells_the_reader_to_call=9).criteria
    hint = Hint(principle_id="call", statement="Say to call.", criteria=ready)

    written = await RubricWriter(chat).write(ASKED, [hint])
    unheld = await RubricWriter(WithoutSchema(chat)).write(ASKED, [hint])

    assert written.written_by == "tiny" or written.note
    assert Rubric.from_rows(written.rubric.rows()) == written.rubric
    assert unheld.rubric.criteria == ready
    assert "wrote no usable rubric" in unheld.note


async def test_a_reading_held_to_the_schema_is_used_or_said_to_be_unusable(
    chat: OpenAICompatibleChat, taxonomy: Taxonomy, reader: ScenarioReader
) -> None:
    by_model = ModelScenarioReader(chat, taxonomy, reader)

    reading = await by_model.read(Conversation.of("¿Puedo dar ibuprofeno a mi hijo?"))

    sources = {label.from_ for label in reading.scenario.labels.values() if label.value}
    assert sources <= ({"examples", "wording"} if reading.note else {"model"})


async def test_the_same_seed_gives_the_same_words(chat: OpenAICompatibleChat) -> None:
    warm = Sampling(temperature=1.0, max_tokens=24, seed=7)

    first, second = [await chat.complete(ASKED.messages, warm) for _ in range(2)]

    assert first == second
    assert first.completion_tokens > 0


async def test_a_reply_cut_short_is_marked(chat: OpenAICompatibleChat) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 200}},
        "required": ["a"],
    }

    reply = await chat.complete(ASKED.messages, Sampling(max_tokens=8), schema)

    assert reply.truncated
    assert reply.completion_tokens == 8


async def test_a_conversation_beyond_the_context_is_told(chat: OpenAICompatibleChat) -> None:
    with pytest.raises(ModelError, match="longer than the model's context"):
        await chat.complete([Message(role="user", content="pain, " * 16_000)])


def test_a_model_the_server_lacks_is_named_beside_the_one_it_has(
    ask: Callable[..., Result],
) -> None:
    said = ask(QUESTION, "--model", "large")

    assert said.exit_code == 1
    assert "no model 'large'; it has 'tiny'; set --model" in said.stderr
