import asyncio
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.server import MCPServer
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inference import spans
from inference.errors import BadInput, StorageError
from inference.span_targets import Where
from inference.spans import NUMBERS, SHAPES, WORDS, Attributes, Vocabulary, recording, span

VOCABULARY = Vocabulary(
    name=frozenset({"ask", "step", "model_call"}),
    node=frozenset({"draft", "assess"}),
    role=frozenset({"policy", "judge"}),
    stop_reason=frozenset({"no_gain"}),
)
SECRET = "my father has chest pain"


@contextmanager
def heard() -> Iterator[list[ReadableSpan]]:
    """The spans of the block, there at its end."""
    exporter = InMemorySpanExporter()
    told: list[ReadableSpan] = []
    with spans.recording_to(SimpleSpanProcessor(exporter), VOCABULARY):
        yield told
        told += exporter.get_finished_spans()


def whole(told: list[ReadableSpan]) -> str:
    return " ".join(one.to_json() for one in told)


def test_a_step_tells_its_numbers_and_known_words() -> None:
    with heard() as told, span("step", node="draft", role="policy") as step:
        step.note(calls=2, prompt_tokens=90, seconds=1.5, model="Qwen/Qwen3-4B", met=3)

    (one,) = told
    assert one.name == "step"
    assert dict(one.attributes or {}) == {
        **{"node": "draft", "role": "policy", "model": "Qwen/Qwen3-4B"},
        **{"calls": 2, "prompt_tokens": 90, "seconds": 1.5, "met": 3},
    }


def test_steps_lie_within_each_other() -> None:
    with heard() as told, span("ask"):
        with span("step"), span("model_call"):
            pass
        with span("step"):
            pass

    parents = {one.context.span_id: one.name for one in told}
    assert [(one.name, one.parent and parents[one.parent.span_id]) for one in told] == [
        ("model_call", "step"),
        ("step", "ask"),
        ("step", "ask"),
        ("ask", None),
    ]


async def test_steps_of_two_tasks_do_not_mix() -> None:
    both = asyncio.Barrier(2)

    async def ask() -> None:
        with span("ask"):
            await both.wait()
            with span("step"):
                await both.wait()

    with heard() as told:
        await asyncio.gather(ask(), ask())

    asks = {one.context.span_id for one in told if one.name == "ask"}
    parents = [one.parent.span_id for one in told if one.name == "step" and one.parent]
    assert sorted(parents) == sorted(asks)


async def test_a_stream_may_end_in_another_task() -> None:
    async def stream() -> Any:
        with span("step"):
            yield 1
            yield 2

    with heard() as told:
        steps = stream()
        await asyncio.create_task(anext(steps))
        await asyncio.create_task(steps.aclose())

    assert [one.name for one in told] == ["step"]


def test_a_failure_is_told_without_a_word_of_it() -> None:
    with heard() as told, pytest.raises(ValueError, match=SECRET), span("step"):
        raise ValueError(SECRET)

    (one,) = told
    assert one.status.status_code is trace.StatusCode.ERROR
    assert one.status.description is None
    assert one.events == ()
    assert SECRET not in whole(told)


TEXTS = st.one_of(st.text(), st.from_regex(r"\w+( \w+)+"), st.just(SECRET))
VALUES = st.one_of(TEXTS, st.binary(), st.lists(TEXTS), st.none(), st.booleans(), st.floats())


@given(
    name=TEXTS,
    key=st.one_of(TEXTS, st.sampled_from(sorted(Attributes.__annotations__))),
    value=VALUES,
)
def test_no_attribute_can_hold_free_text(name: str, key: str, value: Any) -> None:
    """Whatever is handed over: what comes out is a known key with a value of a closed shape."""
    given: Any = {key: value}
    with heard() as told, span(name, **({} if key in ("self", "name") else given)) as step:
        step.note(**({} if key == "self" else given))

    (one,) = told
    assert one.name in {*VOCABULARY.name, "unnamed"}
    assert not one.events
    assert not one.links
    assert dict(one.resource.attributes) == {"service.name": "clinalign"}
    for kept, what in (one.attributes or {}).items():
        if isinstance(what, str):
            closed = kept in WORDS and what in getattr(VOCABULARY, kept)
            assert closed or SHAPES[kept].fullmatch(what)
            assert not re.search(r"\s", what)
        else:
            assert kept in NUMBERS
            assert isinstance(what, int | float)
            assert math.isfinite(what)


@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_word_that_is_not_in_the_vocabulary_is_left_out(name: str) -> None:
    given: Any = {name: "chestpain"}
    with heard() as told, span("step", **given):
        pass

    assert dict(told[0].attributes or {}) == {}


@pytest.mark.parametrize(
    ("name", "kept", "left_out"),
    [
        ("model", "Qwen/Qwen3-4B:Q4", "the model at http://h/v1"),
        ("model", "gpt-oss:20b", "http://me:secret@host/v1"),
        ("model", "m", "/home/jane/models/m"),
        ("library", "0123456789abcdef", "chestpain"),
    ],
)
def test_names_have_a_shape_that_no_sentence_has(name: str, kept: str, left_out: str) -> None:
    values = []
    for value in (kept, left_out):
        given: Any = {name: value}
        with heard() as told, span("step", **given):
            pass
        values.append((told[0].attributes or {}).get(name))

    assert values == [kept, None]


def test_every_attribute_is_a_number_a_word_or_has_a_shape() -> None:
    assert NUMBERS | {*WORDS} | {*SHAPES} == {*Attributes.__annotations__}
    assert {*WORDS} == {*Vocabulary.model_fields} - {"name"}


async def test_what_libraries_would_tell_of_a_caller_goes_nowhere() -> None:
    """MCP's SDK makes spans of its own, with names and errors that the caller wrote."""
    server = MCPServer("any")

    @server.tool()
    def look(question: str) -> str:
        with span("step", calls=1):
            return question

    meta: Any = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "vendor=chestpain",
    }
    with heard() as told:
        async with Client(server) as client:
            with span("ask"):
                await client.call_tool("look", {"question": SECRET}, meta=meta)
                await client.call_tool(SECRET, {})
                await client.call_tool("look", {"question": [SECRET]})

    assert sorted(one.name for one in told) == ["ask", "step"]
    assert SECRET not in whole(told)
    assert "chestpain" not in whole(told)
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)  # nobody's


def test_a_callers_trace_state_stays_out_of_our_spans() -> None:
    state = trace.TraceState([("vendor", "chestpain")])
    flags = trace.TraceFlags(1)
    callers = trace.NonRecordingSpan(trace.SpanContext(1, 2, True, flags, state))

    with heard() as told, trace.use_span(callers), span("step"):
        inside = trace.get_current_span()

    assert told[0].parent is None
    assert not told[0].context.trace_state
    assert inside is callers  # and ours does not travel with calls to others


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, **env}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=60)


ONE_SPAN = """
import os, sys
from inference.span_targets import Where
from inference.spans import Vocabulary, recording, span
with recording(Where.of(os.environ), Vocabulary(name=frozenset({"step"}))):
    with span("step", calls=1) as step:
        step.note(seconds=0.5)
print("loaded" if "opentelemetry" in sys.modules else "not loaded")
"""


@pytest.mark.parametrize(
    "off", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}]
)
def test_unless_it_is_configured_nothing_is_loaded_or_told(off: dict[str, str]) -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"} if off else {}

    done = run(ONE_SPAN, **there, **off)

    assert (done.stdout, done.stderr) == ("not loaded\n", "")


def test_the_console_is_standard_error_a_span_a_line() -> None:
    done = run(ONE_SPAN, OTEL_TRACES_EXPORTER="console")

    assert done.stdout == "loaded\n"  # standard output belongs to MCP
    assert json.loads(done.stderr)["attributes"] == {"calls": 1, "seconds": 0.5}


def test_the_command_line_is_no_part_of_what_is_told() -> None:
    """OpenTelemetry can be told to add it, and it may hold the question."""
    asks_for_it = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,os,host,otel"}

    done = run(ONE_SPAN + f"# {SECRET}", OTEL_TRACES_EXPORTER="console", **asks_for_it)

    assert json.loads(done.stderr)["resource"]["attributes"] == {"service.name": "clinalign"}
    assert SECRET not in done.stderr


def test_a_file_gets_a_line_a_span(tmp_path: Path) -> None:
    where = Where(to="file", file=str(tmp_path / "spans.jsonl"))
    for _ in range(2):
        with recording(where, VOCABULARY), span("step", calls=1):
            pass

    lines = (tmp_path / "spans.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["step", "step"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    where = Where(to="file", file=str(tmp_path))

    with pytest.raises(StorageError, match=re.escape(str(tmp_path))), recording(where, VOCABULARY):
        pass


def test_a_collector_that_is_away_loses_spans_and_nothing_else() -> None:
    done = run(ONE_SPAN, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert (done.returncode, done.stdout) == (0, "loaded\n")


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"},
            Where(to="otlp", address="http://c:4317"),
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"},
            Where(to="otlp", address="http://t"),
        ),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, Where()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, Where()),
        ({"OTEL_TRACES_EXPORTER": "console"}, Where(to="console")),
    ],
)
def test_opentelemetrys_own_variables_say_where(said: dict[str, str], where: Where) -> None:
    assert Where.of(said) == where


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
        ({"OTEL_TRACES_EXPORTER": "file"}, "CLINALIGN_SPANS_FILE"),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/protobuf'; expected grpc",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(said: dict[str, str], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        Where.of(said)
