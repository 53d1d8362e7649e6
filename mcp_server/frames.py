"""Looks at one frame of JSON-RPC before anything is made of it. Pure; both transports use it.

The SDK passes over what it cannot read; here every frame with a readable id gets an answer to that
id, and every other bad frame an answer without one. What was sent is never repeated.
"""

import json
import re
from typing import Any

from mcp_types import INVALID_REQUEST, PARSE_ERROR, JSONRPCMessage, jsonrpc_message_adapter
from pydantic import ValidationError

DEEPEST = 64
MOST_PARTS = 10_000  # strings, objects and arrays; the largest sensible rubric has about 1,500
LONGEST_ID = 200  # characters

_PART = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_ID = re.compile(rb'\s*:\s*(-?\d{1,18}|"[^"\\]{0,%d}")\s*[,}]' % LONGEST_ID)
_LAST_ID = re.compile(
    rb'[,{]\s*"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,%d}")\s*'
    rb'(?:,\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*)*\}\s*$' % LONGEST_ID
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_TAIL = 1000


class BadFrame(Exception):
    """A frame that cannot be handled; `id` is the request's, where it can be read."""

    def __init__(self, code: int, expected: str, id: str | int | None = None) -> None:
        super().__init__(expected)
        self.code, self.expected, self.id = code, expected, id

    def reply(self) -> bytes:
        error = {"code": self.code, "message": f"expected {self.expected}"}
        return json.dumps({"jsonrpc": "2.0", "id": self.id, "error": error}).encode()


def message_in(frame: bytes) -> JSONRPCMessage:
    """The message of a frame.

    Raises:
        BadFrame: there is none that can be handled.
    """
    _check_size_of_tree(frame)
    found = _parsed(frame)
    id = _checked_id(found)
    _check_envelope(found, id)
    if _SURROGATE.search(frame):
        _check_text(found, id)
    try:
        return jsonrpc_message_adapter.validate_python(found, by_name=False)
    except ValidationError:
        raise BadFrame(INVALID_REQUEST, "a JSON-RPC 2.0 message", id) from None


def refusal_of(frame: bytes) -> bytes | None:
    """The JSON-RPC error to answer a bad frame with; None for a good one."""
    try:
        message_in(frame)
    except BadFrame as bad:
        return bad.reply()
    return None


def too_long(head: bytes, tail: bytes, most: int) -> BadFrame:
    """For a frame of which only the beginning and the end were kept."""
    id = _id_in_head(head) if (found := _id_in_tail(tail)) is None else found
    return BadFrame(INVALID_REQUEST, f"a message of at most {most:,} bytes", id)


def _check_size_of_tree(frame: bytes) -> None:
    if frame.count(b"[") + frame.count(b"{") <= DEEPEST and frame.count(b'"') <= MOST_PARTS:
        return
    depth = 0
    for parts, part in enumerate(_PART.finditer(frame)):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(part[0], 0)
        if depth > DEEPEST or parts > MOST_PARTS:
            most = f"JSON of at most {DEEPEST} levels and {MOST_PARTS:,} parts"
            raise BadFrame(INVALID_REQUEST, most, _readable_id(frame))


def _parsed(frame: bytes) -> dict[str, Any]:
    try:
        # Decoded here: from bytes, `json` would take UTF-16 and UTF-32 as well.
        found = json.loads(frame.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadFrame(PARSE_ERROR, "one JSON object in UTF-8") from None
    if not isinstance(found, dict):
        raise BadFrame(INVALID_REQUEST, "one JSON object; batches are not served")
    return found


def _checked_id(found: dict[str, Any]) -> str | int | None:
    id = found.get("id")
    if "id" in found and (isinstance(id, bool) or not isinstance(id, str | int)):
        raise BadFrame(INVALID_REQUEST, "an id that is a text or an integer")
    if isinstance(id, str) and not id.isprintable():
        raise BadFrame(INVALID_REQUEST, "an id of printable characters")
    return id


def _check_envelope(found: dict[str, Any], id: str | int | None) -> None:
    if found.get("jsonrpc") != "2.0":
        raise BadFrame(INVALID_REQUEST, 'jsonrpc "2.0"', id)
    if "method" not in found and not ("id" in found and ({"result", "error"} & set(found))):
        raise BadFrame(INVALID_REQUEST, "a method", id)
    if "method" in found and not isinstance(found["method"], str):
        raise BadFrame(INVALID_REQUEST, "a method that is a text", id)
    if not isinstance(found.get("params", {}), dict):
        raise BadFrame(INVALID_REQUEST, "params that are an object", id)


def _check_text(found: dict[str, Any], id: str | int | None) -> None:
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadFrame(INVALID_REQUEST, "text without halves of surrogate pairs", id) from None


def _readable_id(frame: bytes) -> str | int | None:
    return _id_in_head(frame) if (found := _id_in_tail(frame)) is None else found


def _id_in_tail(frame: bytes) -> str | int | None:
    return _read_id(_LAST_ID.search(frame[-_TAIL:]))


def _id_in_head(frame: bytes) -> str | int | None:
    """The id among the frame's own keys, as far as its parts are looked at."""
    depth = 0
    for parts, part in enumerate(_PART.finditer(frame)):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(part[0], 0)
        if depth == 1 and part[0] == b'"id"' and (found := _ID.match(frame, part.end())):
            return _read_id(found)
        if parts > MOST_PARTS:
            break
    return None


def _read_id(found: re.Match[bytes] | None) -> str | int | None:
    if found is None:
        return None
    try:
        id: str | int = json.loads(found[1])
    except ValueError:
        return None
    return id


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
