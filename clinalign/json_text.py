"""Changes one value in a JSON text and leaves every other character where it was.

Other people's files come back with their order, indentation and comments. It reads JSON, and on
request what editors allow beyond it: `//` and `/* */` comments, and a comma after the last value.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DEEPEST = 200  # no configuration is deeper; Python's own stack would end somewhat later


class JsonProblem(ValueError):
    """A text that is not JSON, with the place, counted from 1, and what was expected there."""

    def __init__(self, text: str, place: int, expected: str) -> None:
        self.line = text.count("\n", 0, place) + 1
        self.column = place - (text.rfind("\n", 0, place) + 1) + 1
        self.expected = expected
        super().__init__(f"line {self.line}, column {self.column}: expected {expected}")


@dataclass(frozen=True)
class Node:
    """A value and where it stands in the text."""

    value: Any
    start: int
    end: int
    members: Mapping[str, "Node"] = field(default_factory=dict)
    """Of an object; a name that stands twice counts where it stands last, as readers take it."""
    first: int = 0
    """Where an object's first name starts; 0 for one without names."""
    last: int = 0
    """Where an object's last value ends."""
    comma: int = 0
    """The end of the comma after an object's last value; 0 where there is none."""


def read_json_text(text: str, relaxed: bool) -> Node | None:
    """The value of a text; None for a text of nothing but blanks and comments.

    Args:
        text: what to read.
        relaxed: whether comments and a comma after the last value are allowed.

    Raises:
        JsonProblem: it is not JSON.
    """
    reader = _Reader(text, relaxed)
    start = reader.skipped(0)
    if start == len(text):
        return None
    node = reader.value(start, 0)
    if (end := reader.skipped(node.end)) != len(text):
        raise JsonProblem(text, end, "nothing more after the value")
    return node


class _Reader:
    def __init__(self, text: str, relaxed: bool) -> None:
        self._text, self._relaxed = text, relaxed
        self._decoder = json.JSONDecoder(parse_constant=self._no_constant)

    def skipped(self, at: int) -> int:
        """The next place that is neither blank nor, where they are allowed, in a comment."""
        while True:
            at = self._end(_BLANK, at)
            if not self._text.startswith(("//", "/*"), at):
                return at
            if not self._relaxed:
                self._refuse(at, "plain JSON without comments")
            if (found := _COMMENT.match(self._text, at)) is None:
                self._refuse(at, "an end of this comment, */")
            at = found.end()

    def value(self, at: int, depth: int) -> Node:
        if depth > _DEEPEST:
            self._refuse(at, f"at most {_DEEPEST} levels")
        match self._text[at : at + 1]:
            case "{":
                return self._object(at, depth)
            case "[":
                return self._list(at, depth)
            case _:
                return self._plain(at)

    def _object(self, start: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        at, comma, first, last = self.skipped(start + 1), 0, 0, 0
        while self._text[at : at + 1] != "}":
            if self._text[at : at + 1] != '"':
                self._refuse(at, "a name in double quotes" if comma else "a name or }")
            name = self._plain(at)
            first = first or at
            at = self._after(":", name.end, "a colon")
            members[name.value] = node = self.value(at, depth + 1)
            last = node.end
            at, comma = self._next(node.end, "}")
        found = {name: node.value for name, node in members.items()}
        return Node(found, start, at + 1, members, first, last, comma)

    def _list(self, start: int, depth: int) -> Node:
        found, at = [], self.skipped(start + 1)
        while self._text[at : at + 1] != "]":
            node = self.value(at, depth + 1)
            found.append(node.value)
            at, _ = self._next(node.end, "]")
        return Node(found, start, at + 1)

    def _next(self, at: int, closing: str) -> tuple[int, int]:
        """Where the next part starts, and the end of the comma before it if there is one."""
        at = self.skipped(at)
        if self._text[at : at + 1] == closing:
            return at, 0
        comma = at + 1
        at = self._after(",", at, f"a comma or {closing}")
        if self._text[at : at + 1] == closing and not self._relaxed:
            self._refuse(comma - 1, f"no comma before {closing}")
        return at, comma

    def _after(self, sign: str, at: int, expected: str) -> int:
        at = self.skipped(at)
        if self._text[at : at + 1] != sign:
            self._refuse(at, expected)
        return self.skipped(at + 1)

    def _plain(self, at: int) -> Node:
        try:
            value, end = self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            wanted = "a value" if error.msg == "Expecting value" else f"valid text ({error.msg})"
            self._refuse(error.pos, wanted)
        except ValueError:  # NaN, Infinity, a number of thousands of digits
            self._refuse(at, "a value that JSON has")
        return Node(value, at, end)

    def _end(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self._text, at)
        return found.end() if found else at

    def _no_constant(self, name: str) -> NoReturn:
        raise ValueError(name)

    def _refuse(self, at: int, expected: str) -> NoReturn:
        raise JsonProblem(self._text, at, expected)
