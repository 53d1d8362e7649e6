"""A fake model server on loopback: says what it is told to, faults included."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Said = str | tuple[int, Any] | Callable[[dict[str, Any]], str]


class FakeServer:
    """Its `replies` are given in order, the last one for ever.

    Each is a text, or (status, body), or makes a text of the request.
    """

    def __init__(self, models: list[str], replies: list[Said]) -> None:
        self.models, self.replies = models, replies
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.base_url = ""

    def answer(self, request: dict[str, Any], key: str) -> tuple[int, Any]:
        self.asked.append(request)
        self.keys.append(key)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(request)
        return (200, completion(reply)) if isinstance(reply, str) else reply


UNMET = {"explanation": "nothing of it", "quote": "", "verdict": "UNMET"}


def judging(opinion: dict[str, str] = UNMET) -> Callable[[dict[str, Any]], str]:
    """A judge that is of one opinion of every criterion."""

    def reply(request: dict[str, Any]) -> str:
        schema = request["response_format"]["json_schema"]["schema"]
        return json.dumps(dict.fromkeys(schema["required"], opinion))

    return reply


def completion(text: str, finish_reason: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "fake",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


@contextmanager
def serving(*replies: Said, models: tuple[str, ...] = ("fake",)) -> Iterator[FakeServer]:
    fake = FakeServer(list(models), list(replies) or ["Hello."])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
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
            rows = [
                {"id": name, "object": "model", "created": 0, "owned_by": "x"}
                for name in fake.models
            ]
            self._send(200, {"object": "list", "data": rows})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(*fake.answer(json.loads(body), self.headers["Authorization"]))

        def _send(self, status: int, body: Any) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the client gave up
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
