"""Puts a value at a path of names into a JSON text; see `clinalign.json_text` for reading it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from clinalign.json_text import Node, read_json_text

_REST_OF_LINE = re.compile(r"(?:[ \t]|/\*(?:(?!\*/)[^\n])*\*/)*(?://[^\r\n]*)?")


class NotAnObject(ValueError):
    """A value on the way is no object, so that nothing can be put into it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(".".join(names))


class UnsafeEdit(ValueError):
    """The changed text would not say what it should; it is not handed out."""


def put(text: str, names: Sequence[str], value: Any, relaxed: bool) -> str:
    """The text with the value at the path; objects on the way are made where they are missing.

    Args:
        text: JSON; what is not at the path stays as it is, to the letter.
        names: at least one.
        value: what JSON can hold.
        relaxed: whether comments are allowed.

    Raises:
        JsonProblem: the text is not JSON.
        NotAnObject: something on the way, or the whole, is no object.
        UnsafeEdit: the value could not be put there without harm.
    """
    root = read_json_text(text, relaxed)
    changed = _changed(text, root, names, value)
    found = read_json_text(changed, relaxed)
    if found is None or found.value != _merged(root.value if root else {}, names, value):
        raise UnsafeEdit(".".join(names))
    return changed


def _changed(text: str, root: Node | None, names: Sequence[str], value: Any) -> str:
    if root is None:
        whole = _dumped(_nested(names, value), "  ", "", _newline(text))
        before = text.rstrip() + _newline(text) if text.strip() else ""
        return before + whole + _newline(text)
    node = root
    for depth, name in enumerate(names):
        if not isinstance(node.value, dict):
            raise NotAnObject(names[:depth])
        if name not in node.members:
            rest = _nested(names[depth + 1 :], value)
            return _inserted(text, root, node, name, rest)
        node = node.members[name]
    return _replaced(text, root, node, value)


def _replaced(text: str, root: Node, node: Node, value: Any) -> str:
    return text[: node.start] + _written(text, root, node.start, value) + text[node.end :]


def _inserted(text: str, root: Node, into: Node, name: str, value: Any) -> str:
    key = json.dumps(name, ensure_ascii=False) + ": "
    if not into.members:
        return _filled(text, root, into, key, value)
    if "\n" not in text[into.start : into.first]:
        comma = "" if into.comma else ","
        place = into.comma or into.last
        return text[:place] + f"{comma} {key}{_compact(value)}" + text[place:]
    indent = _indent(text, into.first)
    dumped = _dumped(value, _unit(text, root), indent, _newline(text))
    member = _newline(text) + indent + key + dumped + ("," if into.comma else "")
    # A comment at the end of the last line keeps its line.
    rest = _REST_OF_LINE.match(text, into.comma or into.last)
    place = rest.end() if rest else into.comma or into.last
    comma = "" if into.comma else ","
    return text[: into.last] + comma + text[into.last : place] + member + text[place:]


def _filled(text: str, root: Node, into: Node, key: str, value: Any) -> str:
    """An object without names gets its first; a comment that stands in it stays."""
    if "\n" not in text.strip() and into is not root:
        return text[: into.end - 1] + key + _compact(value) + text[into.end - 1 :]
    newline, unit = _newline(text), _unit(text, root)
    outer = _indent(text, into.start)
    inner = text[: into.end - 1].rstrip()
    dumped = _dumped(value, unit, outer + unit, newline)
    return f"{inner}{newline}{outer}{unit}{key}{dumped}{newline}{outer}" + text[into.end - 1 :]


def _written(text: str, root: Node, place: int, value: Any) -> str:
    if "\n" not in text.strip():
        return _compact(value)
    return _dumped(value, _unit(text, root), _indent(text, place), _newline(text))


def _dumped(value: Any, unit: str, outer: str, newline: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return (newline + outer).join(lines)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _indent(text: str, place: int) -> str:
    """The blanks at the start of the line of a place."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str, root: Node) -> str:
    return (_indent(text, root.first) if root.first else "") or "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _nested(names: Sequence[str], value: Any) -> Any:
    for name in reversed(names):
        value = {name: value}
    return value


def _merged(old: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    rest = _merged(old.get(names[0], {}), names[1:], value) if names[1:] else value
    return {**old, names[0]: rest}
