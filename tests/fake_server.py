"""A fake model server on loopback: says what it is told to, faults included."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Events:
    """A stream as it is sent: each event an object or raw text; then its end, or nothing more."""

    events: Sequence[Any]
    ended: bool = True


Said = (
    str
    | tuple[int, Any]
    | tuple[int, Any, dict[str, str]]
    | Events
    | Callable[[dict[str, Any]], str]
)


class FakeServer:
    """Its `replies` are given in order, the last one for ever.

    Each is a text, or (status, body), headers after them or not, or a stream, or makes a text of
    the request. Who asks for a stream gets texts and completions as one, word by word, unless it
    does not `streams`.
    """

    def __init__(self, models: list[str | dict[str, Any]], replies: list[Said]) -> None:
        self.models, self.replies = models, replies
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.base_url = ""
        self.streams = True
        self.pages: dict[str, Any] = {}
        """Path -> what is there, or makes it of the request; all other paths have the models."""

    def answer(self, request: dict[str, Any], key: str) -> tuple[int, Any, dict[str, str]]:
        self.asked.append(request)
        self.keys.append(key)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Events):
            return 200, reply, {}
        reply = (200, completion(reply)) if isinstance(reply, str) else reply
        status, body, headers = (*reply, {}) if len(reply) == 2 else reply
        if request.get("stream") and self.streams and status == 200 and isinstance(body, dict):
            return status, Events(streamed(body, "stream_options" in request)), {}
        return status, body, headers


UNMET = {"explanation": "nothing of it", "quote": "", "verdict": "UNMET"}


def judging(opinion: dict[str, str] = UNMET) -> Callable[[dict[str, Any]], str]:
    """A judge that is of one opinion of every criterion."""

    def reply(request: dict[str, Any]) -> str:
        schema = request["response_format"]["json_schema"]["schema"]
        return json.dumps(dict.fromkeys(schema["required"], opinion))

    return reply


def completion(text: str, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "fake",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def delta(finish_reason: str | None = None, **piece: Any) -> dict[str, Any]:
    """An event of a stream."""
    choice = {"index": 0, "delta": piece, "finish_reason": finish_reason}
    about = {"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": "fake"}
    return {**about, "choices": [choice]}


def streamed(body: dict[str, Any], usage: bool) -> list[dict[str, Any]]:
    """A completion as the events of a stream: thoughts, then the text word by word."""
    (choice,) = body["choices"]
    said = choice["message"]
    thoughts = {name: said[name] for name in ("reasoning", "reasoning_content") if name in said}
    events = [delta(role="assistant", content=""), *([delta(**thoughts)] if thoughts else [])]
    events += [delta(content=word) for word in re.findall(r"\s*\S+|\s+$", said["content"] or "")]
    events += [delta(choice["finish_reason"])]
    if logprobs := choice.get("logprobs"):
        events[-2]["choices"][0]["logprobs"] = logprobs
    return [*events, {**delta(), "choices": [], "usage": body["usage"]}] if usage else events


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # more at once than the five it would hold


@contextmanager
def serving(
    *replies: Said, models: Sequence[str | dict[str, Any]] = ("fake",)
) -> Iterator[FakeServer]:
    fake = FakeServer(list(models), list(replies) or ["Hello."])
    server = _Server(("127.0.0.1", 0), _handler(fake))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    fake.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if fake.pages and self.path != "/v1/models":
                page = fake.pages.get(self.path)
                self._send(404 if page is None else 200, page)
                return
            rows = [
                {"object": "model", "created": 0, "owned_by": "x"}
                | (one if isinstance(one, dict) else {"id": one})
                for one in fake.models
            ]
            self._send(200, {"object": "list", "data": rows})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions" and (page := fake.pages.get(self.path)):
                self._send(200, page(body) if callable(page) else page)
            elif self.path in ("/tokenize", "/api/show"):
                self._send(404, {"error": "no such path"})
            else:
                status, said, headers = fake.answer(body, self.headers["Authorization"])
                if isinstance(said, Events):
                    self._stream(said)
                else:
                    self._send(status, said, headers)

        def _stream(self, said: Events) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with suppress(OSError):  # the client gave up
                for event in said.events:
                    text = event if isinstance(event, str) else json.dumps(event)
                    self.wfile.write(f"data: {text}\n\n".encode())
                if said.ended:
                    self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, status: int, body: Any, headers: Mapping[str, str] = {}) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the client gave up
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
