"""Spans for OpenTelemetry that hold no text: how long a step took and what it cost.

Off unless it is configured, and then nothing of OpenTelemetry is loaded. What a span may hold is
closed: numbers, words of a vocabulary that is handed in, a model's name, a library's hash. All else
is left out; a span never stops the work it tells of.

The spans go to a provider of our own, never to the one of the whole process: libraries write to
that one, MCP's SDK among them, with names and error texts that a caller wrote. For the same reason
they keep out of OpenTelemetry's context, where a caller may have put a trace state.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict, Unpack

from inference.span_targets import Where, processor_for
from inference.words import Word

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

UNNAMED = "unnamed"


class Attributes(TypedDict, total=False):
    """All that a span may tell."""

    node: str
    role: str
    stop_reason: str
    model: str
    library: str
    calls: int
    failed: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    round: int
    rounds: int
    principles: int
    criteria: int
    met: int
    unmet: int
    abstained: int
    errors: int
    not_applicable: int
    fraction: float
    coverage: float


WORDS = ("node", "role", "stop_reason")
SHAPES = {
    "model": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,99}"),
    "library": re.compile(r"[0-9a-f]{8,64}"),
}
NUMBERS = frozenset(Attributes.__annotations__) - set(WORDS) - set(SHAPES)


class Vocabulary(Word):
    """The only words that spans may use, and their own names."""

    name: frozenset[str]
    node: frozenset[str] = frozenset()
    role: frozenset[str] = frozenset()
    stop_reason: frozenset[str] = frozenset()


class Span(Protocol):
    """A step while it lasts; a context manager."""

    def note(self, **attributes: Unpack[Attributes]) -> None:
        """Add what is known by now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def span(name: str, **attributes: Unpack[Attributes]) -> Span:
    """Tell of a step, if anybody listens; `name` is one of the vocabulary's."""
    return _Off() if _recorder is None else _On(_recorder, name, attributes)


@contextmanager
def recording(where: Where, vocabulary: Vocabulary) -> Iterator[None]:
    """Send the spans of this process there until the end of the block.

    Raises:
        StorageError: the file cannot be written.
    """
    with ExitStack() as closing:
        if where.to:
            processor = closing.enter_context(processor_for(where))
            closing.enter_context(recording_to(processor, vocabulary))
        yield


@contextmanager
def recording_to(processor: "SpanProcessor", vocabulary: Vocabulary) -> Iterator[None]:
    """The same with a processor of OpenTelemetry's, which is shut down at the end."""
    global _recorder
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    # Not `Resource.create`: it may take in the command line, and so the question.
    resource = Resource({"service.name": "clinalign"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    before, _recorder = _recorder, _Recorder(provider.get_tracer("clinalign"), vocabulary)
    try:
        yield
    finally:
        _recorder = before
        provider.shutdown()


class _Off:
    def note(self, **attributes: Unpack[Attributes]) -> None:
        """Nobody listens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class _Recorder:
    def __init__(self, tracer: "Tracer", vocabulary: Vocabulary) -> None:
        self.tracer, self.vocabulary = tracer, vocabulary

    def start(self, name: str, parent: "OtelSpan | None") -> "OtelSpan":
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        # An empty context, or our own parent: never what a library or a caller left there.
        context = set_span_in_context(parent, Context()) if parent else Context()
        known = name if name in self.vocabulary.name else UNNAMED
        return self.tracer.start_span(
            known, context, record_exception=False, set_status_on_exception=False
        )

    def kept(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Those that can hold no free text."""
        return {name: value for name, value in attributes.items() if self._may(name, value)}

    def _may(self, name: str, value: Any) -> bool:
        if name in NUMBERS:
            return type(value) in (int, float) and math.isfinite(value)
        if type(value) is not str:
            return False
        if name in SHAPES:
            return SHAPES[name].fullmatch(value) is not None
        return name in WORDS and value in getattr(self.vocabulary, name)


class _On:
    def __init__(self, recorder: _Recorder, name: str, attributes: Attributes) -> None:
        self._recorder, self._before = recorder, _current.get()
        self._span = recorder.start(name, self._before)
        self._span.set_attributes(recorder.kept(attributes))

    def note(self, **attributes: Unpack[Attributes]) -> None:
        self._span.set_attributes(self._recorder.kept(attributes))

    def __enter__(self) -> Self:
        _current.set(self._span)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from opentelemetry.trace import StatusCode

        # Set, not reset: a stream may be closed in another task than the one that opened it.
        _current.set(self._before)
        if error is not None:
            self._span.set_status(StatusCode.ERROR)  # without a word of what went wrong
        self._span.end()


_recorder: _Recorder | None = None
_current: "ContextVar[OtelSpan | None]" = ContextVar("clinalign_span", default=None)
