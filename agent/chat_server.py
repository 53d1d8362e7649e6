"""The agent as a model: an OpenAI-compatible endpoint for chat pages and any OpenAI client.

What the agent does on the way is streamed as reasoning; the answer itself only once it is released,
since a draft may be revised. The guards are those of `mcp_server.http`.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent.events import Event
from agent.state import Episode
from inference.errors import BadInput, ClinalignError
from inference.messages import Conversation
from inference.words import read
from mcp_server.bearer import asking_for_token
from mcp_server.door import Door
from mcp_server.guarded import LARGEST_MESSAGE
from mcp_server.http import HttpServer, listening
from mcp_server.http_calls import Calls
from mcp_server.http_guards import Doorkeeper

MODEL = "clinalign"
Follow = Callable[[Conversation], AsyncIterator[Event]]
"""Works on a question and tells how it goes; see `agent.graph.follow`."""
STEPS = {
    "recall": "Principles found.",
    "write_rubric": "Rubric written.",
    "draft": "Draft written.",
    "assess": "Judged.",
    "revise": "Revised.",
}


class ChatApp:
    """One ASGI app; `calls` ends what runs when the server stops."""

    def __init__(self, follow: Follow, door: Door) -> None:
        self._follow = follow
        inner = Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/models", _models, methods=["GET"]),
                Route("/health", _health, methods=["GET"]),
            ]
        )
        self.calls = Calls(inner)
        self._app = Doorkeeper(asking_for_token(self._calling, door), door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _alive(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _calling(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.calls(scope, receive, send)

    async def _complete(self, request: Request) -> Response:
        try:
            asked, streams = await _asked(request)
        except BadInput as error:
            return _refusal(400, error.without_values())
        if streams:
            return StreamingResponse(self._pieces(asked), media_type="text/event-stream")
        try:
            async for event in self._follow(asked):
                if event["event"] == "end":
                    return JSONResponse(_whole(event["episode"]))
        except ClinalignError as error:
            return _refusal(502, error.without_values())
        raise AssertionError("every run ends")

    async def _pieces(self, asked: Conversation) -> AsyncIterator[bytes]:
        id, begun = _id(), int(time.time())

        def piece(finish: str | None = None, **delta: Any) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return _sent(_head(id, begun, "chat.completion.chunk") | {"choices": [choice]})

        yield piece(role="assistant")
        try:
            async for event in self._follow(asked):
                if event["event"] == "end":
                    yield piece(content=event["episode"].answer)
                    yield piece(finish=_finish(event["episode"]))
                elif said := _reasoning(event):
                    yield piece(reasoning_content=said + "\n")
        except ClinalignError as error:
            yield _sent(_error(error.without_values()))
        yield b"data: [DONE]\n\n"


async def serve_chat(follow: Follow, door: Door) -> None:
    """Serve until SIGTERM or Ctrl+C; running answers have a little time to end.

    Raises:
        AddressTaken: nothing can listen there.
    """
    with listening(door) as listener:
        door = door.model_copy(update={"port": listener.getsockname()[1]})
        url = door.url.replace("/mcp", "/v1")
        await HttpServer(ChatApp(follow, door), door, url).serve([listener])


async def _asked(request: Request) -> tuple[Conversation, bool]:
    """The conversation, and whether the answer shall be streamed.

    Raises:
        BadInput: the request is none that can be answered.
    """
    body = await _body(request)
    if body.get("n", 1) != 1:
        raise BadInput("n", "1: there is one answer")
    if body.get("tools"):
        raise BadInput("tools", "none: the agent uses its own")
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise BadInput("messages", "a list of {role, content}")
    turns = [_turn(one, place) for place, one in enumerate(messages)]
    asked = read(Conversation, {"messages": turns}, "messages")
    return asked, body.get("stream") is True


async def _body(request: Request) -> dict[str, Any]:
    size = 0
    parts = []
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_MESSAGE:
            raise BadInput("body", f"at most {LARGEST_MESSAGE:,} bytes")
        parts.append(part)
    try:
        found = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise BadInput("body", "JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise BadInput("body", "a JSON object")
    return found


def _turn(message: Any, place: int) -> dict[str, Any]:
    """One message; a content in parts is joined, if all of them are text."""
    if not isinstance(message, dict):
        raise BadInput(f"messages[{place}]", "{role, content}")
    role = {"developer": "system"}.get(str(message.get("role")), message.get("role"))
    content = message.get("content")
    if isinstance(content, list):
        texts = [one["text"] for one in content if _is_text(one)]
        if len(texts) < len(content):
            raise BadInput(f"messages[{place}].content", "text; images and sound cannot be read")
        content = "\n".join(texts)
    return {"role": role, "content": content}


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _reasoning(event: Event) -> str:
    """What an event says to somebody who waits."""
    match event["event"]:
        case "referral":
            return str(event["text"])
        case "node":
            return STEPS.get(event["node"], "")
        case "progress":
            return str(event["message"])
    return ""


def _whole(episode: Episode) -> dict[str, Any]:
    message = {"role": "assistant", "content": episode.answer}
    choice = {"index": 0, "message": message, "finish_reason": _finish(episode)}
    best = episode.attempts[episode.chosen] if episode.attempts else None
    told = {
        "stop_reason": episode.stop_reason,
        "fraction": best.score.fraction if best else None,
        "coverage": best.score.coverage if best else None,
        "judge": episode.judge,
        "library": episode.recalled.library.model_dump(),
    }
    head = _head(_id(), int(time.time()), "chat.completion")
    return head | {"choices": [choice], "clinalign": told}


def _head(id: str, created: int, kind: str) -> dict[str, Any]:
    return {"id": id, "object": kind, "created": created, "model": MODEL}


def _finish(episode: Episode) -> str:
    cut = bool(episode.attempts) and episode.attempts[episode.chosen].truncated
    return "length" if cut else "stop"


def _id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _sent(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _error(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "type": "clinalign_error", "code": None}}


def _refusal(status: int, text: str) -> Response:
    return JSONResponse(_error(text), status)


async def _models(_: Request) -> Response:
    row = {"id": MODEL, "object": "model", "created": 0, "owned_by": "clinalign"}
    return JSONResponse({"object": "list", "data": [row]})


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "server": "clinalign chat"})


async def _alive(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
