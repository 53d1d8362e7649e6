"""A whole question as OpenTelemetry sees it: steps, calls and figures, and no word of anybody's."""

import json
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typer.testing import CliRunner

from agent.graph import build_agent, work
from agent.state import Limits
from agent.tracing import VOCABULARY
from clinalign.__main__ import app
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from inference.spans import recording_to
from tests.agent.fake_tools import FakeTools, criterion

ASKED = Conversation.of("My neighbour Jane Q has chest pain.")
CRITERIA = (criterion("calls", 9), criterion("asks", 4))


async def test_a_question_is_one_trace_of_its_steps_and_calls() -> None:
    exporter = InMemorySpanExporter()
    tools = FakeTools(CRITERIA, ["UU", "MM"])
    policy = ScriptedChat(["Jane Q should wait.", "Jane Q should call now."])

    with recording_to(SimpleSpanProcessor(exporter), VOCABULARY):
        await work(build_agent(policy, None, tools, Limits()), ASKED, Limits())
        told = exporter.get_finished_spans()

    whole = told[-1]
    assert _figures(whole) == {
        "calls": 2,
        "completion_tokens": 0,
        "rounds": 1,
        "principles": 1,
        "library": "0" * 64,
        "stop_reason": "target_reached",
        "criteria": 2,
        "met": 2,
        **dict.fromkeys(("unmet", "abstained", "errors", "not_applicable"), 0),
        "coverage": 1.0,
        "fraction": 1.0,
    }
    steps = [one for one in told if one.name == "step"]
    names = ["recall", "write_rubric", "draft", "assess", "revise", "assess"]
    assert [_figures(one)["node"] for one in steps] == names
    assert {one.parent.span_id for one in steps if one.parent} == {whole.context.span_id}
    assert [_figures(one)["role"] for one in told if one.name == "model_call"] == ["policy"] * 2
    assert "Jane" not in " ".join(one.to_json() for one in told)


def test_the_command_writes_them_to_a_file_where_that_is_wanted(tmp_path: Path) -> None:
    spans = tmp_path / "spans.jsonl"

    settings = {
        "OTEL_TRACES_EXPORTER": "file",
        "CLINALIGN_SPANS_FILE": str(spans),
        "CLINALIGN_DATA_DIR": str(tmp_path),
    }
    said = CliRunner(env=settings).invoke(app, ["ask", ASKED.question, "--no-find", "--json"])

    assert said.exit_code == 0, said.stderr
    told = [json.loads(line) for line in spans.read_text().splitlines()]
    assert told[-1]["name"] == "ask"
    assert told[-1]["attributes"]["stop_reason"] == json.loads(said.stdout)["stop_reason"]
    assert "Jane" not in spans.read_text()


def _figures(told: ReadableSpan) -> dict[str, object]:
    return dict(told.attributes or {})
