"""Where spans go: a collector, standard error or a file; see `inference.spans`."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TextIO

from inference.errors import BadInput, StorageError
from inference.words import Word

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

EXPORT_SECONDS = 2.0  # a collector that is away may not hold up the end of a command


class Where(Word):
    """Where spans go."""

    to: Literal["", "otlp", "console", "file"] = ""
    """Empty for nowhere."""
    address: str = ""
    """Of a collector that takes gRPC."""
    file: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Self:
        """By OpenTelemetry's own variables.

        Raises:
            BadInput: one of them asks for what is not there.
        """
        wanted = said.get("OTEL_TRACES_EXPORTER", "").strip().lower()
        if wanted == "none" or said.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        if wanted == "console":
            return cls(to="console")
        if wanted == "file":
            return cls(to="file", file=_file(said))
        if wanted not in ("", "otlp"):
            raise BadInput("OTEL_TRACES_EXPORTER", "otlp, console, file or none", wanted)
        address = _otlp(said, "ENDPOINT")
        if address and _otlp(said, "PROTOCOL") not in ("", "grpc"):
            way_out = "grpc, such as to port 4317; or set OTEL_TRACES_EXPORTER=none"
            raise BadInput("OTEL_EXPORTER_OTLP_PROTOCOL", way_out, _otlp(said, "PROTOCOL"))
        return cls(to="otlp", address=address) if address else cls()


@contextmanager
def processor_for(where: Where) -> "Iterator[SpanProcessor]":
    """What takes the spans there; OpenTelemetry's libraries are loaded by it.

    Raises:
        StorageError: the file cannot be written.
    """
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    if where.to == "otlp":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        yield BatchSpanProcessor(OTLPSpanExporter(where.address, timeout=EXPORT_SECONDS))
        return
    with ExitStack() as closing:
        # Never to standard output: that belongs to MCP.
        out = closing.enter_context(_opened(where.file)) if where.to == "file" else sys.stderr
        yield SimpleSpanProcessor(ConsoleSpanExporter(out=out, formatter=_line))


def _line(span: "ReadableSpan") -> str:
    return str(span.to_json(indent=None)) + "\n"


def _opened(path: str) -> TextIO:
    try:
        return Path(path).open("a", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} for spans cannot be written ({error.strerror})") from None


def _file(said: Mapping[str, str]) -> str:
    if not (path := said.get("CLINALIGN_SPANS_FILE", "").strip()):
        raise BadInput("CLINALIGN_SPANS_FILE", "the file for spans, with OTEL_TRACES_EXPORTER=file")
    return path


def _otlp(said: Mapping[str, str], name: str) -> str:
    general = said.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()
    return said.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "").strip() or general
