"""Frames as no decent client sends them, each with the answer that it is to get.

A frame is one line of stdio or one body over HTTP; none holds a line break.
"""

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.reliability.wild_calls import CANARY

UNREADABLE, REFUSED, UNKNOWN_METHOD, BAD_PARAMS = -32700, -32600, -32601, -32602
RESULT = 0
"""In place of an error's code: the answer is a result."""

Id = str | int


@dataclass(frozen=True)
class Frame:
    data: bytes
    about: str
    codes: tuple[int, ...]
    """One of these is the answer's; empty for a frame that gets none."""
    id: Id | None = None
    """The answer's; None for an error without one."""


class Framer:
    """Makes frames; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._number = 0

    def frames(self, count: int) -> list[Frame]:
        """So many frames, of every kind in turn."""
        kinds = (
            *(self._cut, self._noise, self._not_an_object, self._odd_id, self._odd_version),
            *(self._odd_method, self._odd_params, self._deep, self._wide, self._half_a_pair),
            *(self._no_number, self._not_utf8, self._foreign_encoding, self._twice),
            *(self._unknown_method, self._bad_params, self._strange_id, self._huge_text),
            *(self._no_answer_wanted, self._good, self._two_in_one),
        )
        return [kinds[number % len(kinds)]() for number in range(count)]

    def _id(self) -> Id:
        """A new one, so that no two answers can be taken for each other."""
        self._number += 1
        return self._number if self._chance.random() < 0.5 else f"f-{self._number}"

    def _call(self, **also: Any) -> dict[str, Any]:
        params = {"name": "get_score", "arguments": {"job_id": CANARY}}
        asked = {"jsonrpc": "2.0", "id": self._id(), "method": "tools/call", "params": params}
        return asked | also

    def _cut(self) -> Frame:
        whole = bytes_of(self._call())
        return Frame(whole[: self._chance.randrange(len(whole))], "cut off", (UNREADABLE,))

    def _noise(self) -> Frame:
        noise = self._chance.randbytes(self._chance.randint(1, 200)).replace(b"\n", b"-")
        return Frame(noise, "noise", (UNREADABLE, REFUSED))

    def _not_an_object(self) -> Frame:
        call = self._call()
        values: tuple[Any, ...] = ([call], [call, call], [], CANARY, 5, 1.5, True, None, [[[]]])
        return Frame(bytes_of(self._chance.choice(values)), "no object", (REFUSED,))

    def _odd_id(self) -> Frame:
        values = (None, 1.5, True, False, [1], {"a": CANARY}, "a\x00b", "\x1b[31m", 1e30)
        return Frame(bytes_of(self._call(id=self._chance.choice(values))), "odd id", (REFUSED,))

    def _odd_version(self) -> Frame:
        call = self._call(jsonrpc=self._chance.choice(("1.0", "2", 2, 2.0, None, [], CANARY, "")))
        if self._chance.random() < 0.2:
            del call["jsonrpc"]
        return Frame(bytes_of(call), "odd version", (REFUSED,), call["id"])

    def _odd_method(self) -> Frame:
        call = self._call(method=self._chance.choice((None, 5, [], {}, True, [CANARY])))
        if self._chance.random() < 0.2:
            del call["method"]
        return Frame(bytes_of(call), "odd method", (REFUSED,), call["id"])

    def _odd_params(self) -> Frame:
        call = self._call(params=self._chance.choice(([], [CANARY], CANARY, 5, None, True)))
        return Frame(bytes_of(call), "odd params", (REFUSED,), call["id"])

    def _deep(self) -> Frame:
        levels = self._chance.choice((64, 65, 190, 200, 1000, 20_000))
        opening, closing = self._chance.choice((("[", "]"), ('{"a":', "}")))
        inner = opening * levels + ("1" if opening != "[" else "") + closing * levels
        return self._around(inner, "deep")

    def _wide(self) -> Frame:
        many = self._chance.choice((10_001, 50_000))
        parts = self._chance.choice(("{}", "[]", '"a"'))
        return self._around(f"[{','.join([parts] * many)}]", "wide")

    def _around(self, inner: str, about: str) -> Frame:
        """A call with these arguments, its id before or after them."""
        id = self._id()
        params = {"name": "get_score", "arguments": {"job_id": "MARK"}}
        said = {"jsonrpc": "2.0", "method": "tools/call", "id": id}
        whole = (
            {"params": params} | said if self._chance.random() < 0.5 else said | {"params": params}
        )
        frame = bytes_of(whole).replace(b'"MARK"', inner.encode())
        return Frame(frame, about, (REFUSED,), id)

    def _half_a_pair(self) -> Frame:
        half = self._chance.choice(("\ud800", "\udfff", "a\udc00b", "\udc00\ud800"))
        arguments = self._chance.choice(({"job_id": half}, {half: CANARY}, {"job_id": [half]}))
        call = self._call(params={"name": "get_score", "arguments": arguments})
        return Frame(bytes_of(call), "half a surrogate pair", (REFUSED,), call["id"])

    def _no_number(self) -> Frame:
        call = bytes_of(self._call(params={"a": 5}))
        word = self._chance.choice((b"NaN", b"Infinity", b"-Infinity", b"05", b"0x5", b"9" * 5000))
        return Frame(call.replace(b'{"a": 5}', b'{"a": %s}' % word), "no number", (UNREADABLE,))

    def _not_utf8(self) -> Frame:
        wrong = self._chance.choice(
            (b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80")
        )
        call = bytes_of(self._call(params={"name": "MARK"}))
        return Frame(call.replace(b"MARK", wrong), "no UTF-8", (UNREADABLE,))

    def _foreign_encoding(self) -> Frame:
        text = json.dumps(self._call())
        encoding = self._chance.choice(("utf-16-le", "utf-16-be", "utf-16", "utf-32", "utf-8-sig"))
        return Frame(text.encode(encoding), f"in {encoding}", (UNREADABLE,))

    def _twice(self) -> Frame:
        """One name twice: the last counts."""
        id = self._id()
        said = bytes_of({"jsonrpc": "2.0", "id": "first", "method": "ping", "last": id})
        return Frame(said.replace(b'"last"', b'"id"'), "id twice", (RESULT,), id)

    def _unknown_method(self) -> Frame:
        odd = (
            CANARY,
            "tools/" + CANARY,
            "",
            "tools/call/",
            "TOOLS/LIST",
            "rpc.discover",
            "a" * 5000,
        )
        call = self._call(method=self._chance.choice(odd))
        return Frame(bytes_of(call), "unknown method", (UNKNOWN_METHOD,), call["id"])

    def _bad_params(self) -> Frame:
        method, params = self._chance.choice(BAD)
        call = self._call(method=method, params=params)
        return Frame(bytes_of(call), f"bad params of {method}", (BAD_PARAMS,), call["id"])

    def _strange_id(self) -> Frame:
        """Strange, and allowed."""
        self._number += 1
        unique = f"{self._number:08}"
        id: Id = self._chance.choice(
            (int("9" + unique * 2), -int("9" + unique), f"é {unique}", "x" * 150 + unique)
        )
        call = bytes_of({"jsonrpc": "2.0", "id": id, "method": "ping"})
        return Frame(call, "strange id", (RESULT,), id)

    def _huge_text(self) -> Frame:
        often = self._chance.choice((100_000, 600_000))
        text = self._chance.choice(("a", '"', "[", "\\", "é")) * often
        arguments = {"job_id": "x", "budget_seconds": text}
        call = self._call(params={"name": "get_score", "arguments": arguments})
        return Frame(bytes_of(call), "huge text", (RESULT,), call["id"])

    def _no_answer_wanted(self) -> Frame:
        said = self._chance.choice(UNANSWERED)
        return Frame(bytes_of({"jsonrpc": "2.0", **said}), "no answer wanted", ())

    def _good(self) -> Frame:
        """With whitespace wherever there may be some."""
        call = self._call(method="ping", params={})
        text = json.dumps(call, separators=(" ,\t", " : "))
        return Frame(f" \t{text} \r".encode(), "whitespace", (RESULT,), call["id"])

    def _two_in_one(self) -> Frame:
        one, other = (bytes_of(self._call(method="ping", params={})) for _ in range(2))
        return Frame(one + self._chance.choice((b"", b" ", b",")) + other, "two", (UNREADABLE,))


def bytes_of(value: Any) -> bytes:
    return json.dumps(value).encode()


BAD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tools/call", {}),
    ("tools/call", {"name": 5}),
    ("tools/call", {"name": [CANARY]}),
    ("tools/call", {"name": "get_score", "arguments": CANARY}),
    ("tools/call", {"name": "get_score", "arguments": [CANARY]}),
    ("ping", {"_meta": CANARY}),
    ("ping", {"_meta": {"progressToken": {CANARY: 1}}}),
    ("initialize", {}),
    ("initialize", {"protocolVersion": [CANARY], "capabilities": {}, "clientInfo": {}}),
    ("resources/read", {}),
    ("resources/read", {"uri": CANARY}),
    ("resources/read", {"uri": f"principles://{CANARY}"}),
    ("resources/read", {"uri": "file:///etc/passwd"}),
    ("resources/read", {"uri": "principles://../../etc/passwd"}),
    ("resources/read", {"uri": [CANARY]}),
    ("prompts/get", {"name": CANARY}),
    ("prompts/get", {"name": "write_rubric", "arguments": {}}),
    ("prompts/get", {"name": "write_rubric", "arguments": {"question": [CANARY]}}),
    ("prompts/get", {"name": "write_rubric", "arguments": {"question": "x", CANARY: "y"}}),
    ("completion/complete", {"ref": {"type": CANARY}}),
    ("completion/complete", {"ref": CANARY, "argument": CANARY}),
    ("tools/list", {"cursor": [CANARY]}),
)
UNANSWERED: tuple[dict[str, Any], ...] = (
    {"method": "notifications/initialized"},
    {"method": "notifications/cancelled", "params": {"requestId": CANARY}},
    {"method": "notifications/cancelled", "params": {"requestId": {CANARY: 1}}},
    {"method": "notifications/cancelled"},
    {"method": "notifications/progress", "params": {"progressToken": CANARY, "progress": "x"}},
    {"method": f"notifications/{CANARY}"},
    {"method": "tools/call", "params": {"name": CANARY}},
    {"id": 10**12, "result": {"roots": [CANARY]}},
    {"id": "nobody's", "error": {"code": 1, "message": CANARY}},
)
