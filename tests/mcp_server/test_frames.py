"""What a frame must be, and what bad ones are answered with."""

import json
import time
from typing import Any

import pytest

from mcp_server.frames import DEEPEST, MOST_PARTS, message_in, refusal_of, too_long

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "x"}}


def framed(**also: Any) -> bytes:
    return json.dumps({**CALL, **also}).encode()


def deep(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + closing * levels


NESTED = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":%s}}'
NESTED_ID_LAST = '{"method":"tools/call","params":{"id":1,"arguments":%s},"jsonrpc":"2.0","id":7}'
WIDE = json.dumps({str(number): number for number in range(MOST_PARTS)})
UNREADABLE = -32700
REFUSED = -32600


@pytest.mark.parametrize(
    ("frame", "code", "id"),
    [
        (b"", UNREADABLE, None),
        (b"\n", UNREADABLE, None),
        (b"hello", UNREADABLE, None),
        (framed()[:-3], UNREADABLE, None),
        (framed() + framed(), UNREADABLE, None),
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":NaN}}', UNREADABLE, None),
        (b'{"jsonrpc":"2.0","id":7,"method":"\xff\xfe"}', UNREADABLE, None),
        (b"[" + framed() + b"]", REFUSED, None),
        (b"[]", REFUSED, None),
        (b'"text"', REFUSED, None),
        (framed(id=None), REFUSED, None),
        (framed(id=1.5), REFUSED, None),
        (framed(id=True), REFUSED, None),
        (framed(id=[7]), REFUSED, None),
        (framed(jsonrpc="1.0"), REFUSED, 7),
        (framed(jsonrpc=None), REFUSED, 7),
        (b'{"id":7,"method":"x"}', REFUSED, 7),
        (b'{"jsonrpc":"2.0","id":7}', REFUSED, 7),
        (b'{"jsonrpc":"2.0"}', REFUSED, None),
        (framed(method=5), REFUSED, 7),
        (framed(params=[]), REFUSED, 7),
        (framed(params="x"), REFUSED, 7),
        (framed(id="a-b"), None, "a-b"),
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"\\ud800"}}', REFUSED, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"\\ud83d\\ude00"}}', None, 7),
        ((NESTED % deep(DEEPEST - 2)).encode(), None, 7),
        ((NESTED % deep(DEEPEST - 1)).encode(), REFUSED, 7),
        ((NESTED % deep(200)).encode(), REFUSED, 7),
        ((NESTED % deep(100_000)).encode(), REFUSED, 7),
        ((NESTED_ID_LAST % deep(100_000)).encode(), REFUSED, 7),
        ((NESTED % deep(200, '{"a":', "}").replace('":}', '":1}')).encode(), REFUSED, 7),
        ((NESTED % WIDE).encode(), REFUSED, 7),
        ((NESTED_ID_LAST % WIDE).encode(), REFUSED, 7),
    ],
)
def test_a_frame_is_read_or_refused_with_its_id(
    frame: bytes, code: int | None, id: str | int | None
) -> None:
    refused = refusal_of(frame)

    if code is None:
        assert refused is None
        assert message_in(frame).id == id  # type: ignore[union-attr]
    else:
        assert refused is not None
        reply = json.loads(refused)
        assert (reply["error"]["code"], reply["id"]) == (code, id)
        assert set(reply) == {"jsonrpc", "id", "error"}


def test_brackets_in_a_text_do_not_count() -> None:
    assert refusal_of(framed(params={"question": "[" * 5000 + "{" * 5000})) is None


def test_a_notification_and_an_answer_are_read() -> None:
    assert refusal_of(b'{"jsonrpc":"2.0","method":"notifications/initialized"}') is None
    assert refusal_of(b'{"jsonrpc":"2.0","id":3,"result":{}}') is None


def test_of_a_frame_that_is_too_long_the_id_is_found_at_either_end() -> None:
    first = too_long(b'{"jsonrpc":"2.0","id":"a","params":{"x":"' + b"y" * 99, b"y" * 9, 100)
    last = too_long(b'{"params":{"x":"' + b"y" * 99, b'yyy"},"jsonrpc":"2.0","id":4}', 100)
    neither = too_long(b'{"params":{"id":1,"x":"' + b"y" * 99, b"y" * 99, 100)

    assert (first.id, last.id, neither.id) == ("a", 4, None)
    assert "at most 100 bytes" in first.expected


@pytest.mark.parametrize("part", ["[", "[],", '"",', '"a":1,', "{"])
def test_four_mebibytes_of_anything_are_looked_at_in_a_tenth_of_a_second(part: str) -> None:
    frame = (NESTED % (part * (4 * 1024 * 1024 // len(part)))).encode()

    begun = time.process_time()
    assert refusal_of(frame) is not None

    assert time.process_time() - begun < 0.1
