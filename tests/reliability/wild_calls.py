"""Calls made from the schemas that a server lists: right ones, nearly right ones and wild ones.

What is wrong is known by how a call was made, so that nothing of the server is needed to tell.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

CANARY = "Jane Q Canary, born 3 March 1950, record 918273645"
NUMBER = 918_273_645
"""Stands for the canary where a number is put."""
LONGEST_ANSWER = 20_000

TEXTS = (
    "chest pain since this morning",
    "Can I take ibuprofen while I am breastfeeding?",
    "",
    " \t\n",
    "\u202eabc\u202c \U0001f9d1\u200d\u2695\ufe0f \U0010ffff",
    "\x00\x01\x7f",
    "{}[]\"'\\%s{question}<script>",
    "null",
    "5",
    "ما العلاج؟",
    "a" * (LONGEST_ANSWER + 1),
)


@dataclass(frozen=True)
class Call:
    tool: Any
    arguments: Any
    fault: str = ""
    """What is wrong with it; empty where the schema has nothing against it."""

    @property
    def params(self) -> dict[str, Any]:
        return {"name": self.tool, "arguments": self.arguments}


class Caller:
    """Makes calls; the same ones for the same seed.

    Args:
        tools: as `tools/list` gives them.
        seed: of everything that is left to chance.
    """

    def __init__(self, tools: list[dict[str, Any]], seed: int) -> None:
        self._tools = tools
        self._chance = random.Random(seed)

    def calls(self, count: int, right: float = 0.06) -> Iterator[Call]:
        """So many calls, of which this share keeps to the schema."""
        for _ in range(count):
            tool = self._chance.choice(self._tools)
            arguments = self._right(tool["inputSchema"])
            if self._chance.random() < right:
                yield Call(tool["name"], arguments)
            elif self._chance.random() < 0.04:
                yield self._beside(tool["name"], arguments)
            else:
                broken, fault = self._broken(tool["inputSchema"], arguments)
                yield Call(tool["name"], broken, fault)

    def _beside(self, tool: str, arguments: dict[str, Any]) -> Call:
        """Wrong outside the arguments."""
        return self._chance.choice(
            (
                Call(CANARY, arguments, "an unknown tool"),
                Call(NUMBER, arguments, "a number for a name"),
                Call(None, arguments, "no name"),
                Call(tool, CANARY, "a text for arguments"),
                Call(tool, [CANARY], "a list for arguments"),
                Call(tool, json.dumps(arguments), "arguments as a text"),
                Call(tool, NUMBER, "a number for arguments"),
            )
        )

    def _right(self, schema: dict[str, Any]) -> Any:
        """Something that the schema allows, small most of the time."""
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        return self._makers[schema["type"]](schema)

    @property
    def _makers(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "object": self._right_object,
            "array": self._right_array,
            "string": self._right_text,
            "integer": lambda one: self._chance.randint(one["minimum"], min(one["maximum"], 20)),
            "number": self._right_number,
            "boolean": lambda _: self._chance.random() < 0.5,
        }

    def _right_object(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = schema.get("required", [])
        wanted = [
            name
            for name in schema["properties"]
            if name in required or self._chance.random() < 0.25
        ]
        return {name: self._right(schema["properties"][name]) for name in wanted}

    def _right_array(self, schema: dict[str, Any]) -> list[Any]:
        most = min(schema.get("maxItems", 3), 3)
        return [self._right(schema["items"]) for _ in range(self._chance.randint(0, most))]

    def _right_text(self, schema: dict[str, Any]) -> str:
        text = self._chance.choice(TEXTS) if self._chance.random() < 0.3 else TEXTS[0]
        return text[: schema.get("maxLength", len(text))]

    def _right_number(self, schema: dict[str, Any]) -> float:
        ends = schema["minimum"], schema["maximum"]
        return self._chance.choice((*ends, self._chance.uniform(*ends), 1, 2.5))

    def _broken(
        self, schema: dict[str, Any], arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """The arguments with one thing wrong, somewhere in them."""
        arguments = copy.deepcopy(arguments)
        holder, key, found = self._chance.choice(list(places(schema, arguments)))
        value = holder[key]
        # Of the arguments as a whole only the fields can be wrong; see `_beside`.
        faults = [] if value is arguments else self._wrong_types(found) + self._wrong_values(found)
        if isinstance(value, dict):
            faults += self._wrong_fields(found, value)
        fault, wrong = self._chance.choice(faults)
        if value is arguments:
            return wrong, fault
        holder[key] = wrong
        return arguments, f"{key}: {fault}"

    def _wrong_types(self, schema: dict[str, Any]) -> list[tuple[str, Any]]:
        others: dict[str, Any] = {
            "string": CANARY,
            "array": [CANARY],
            "object": {CANARY: CANARY},
            "integer": NUMBER,
            "number": NUMBER + 0.5,
            "boolean": True,
            "null": None,
            "text of a number": "5",
            "text of a list": json.dumps([CANARY]),
            "text of an object": json.dumps({"role": "user", "content": CANARY}),
            "text of a truth": "true",
        }
        fitting = {"number": ("integer", "number"), "string": ("string",)}
        kind = schema["type"]
        texts = [name for name in others if name.startswith("text")] if kind == "string" else []
        right = {kind, *fitting.get(kind, ()), *texts}
        return [
            (f"{name} for {kind}", value) for name, value in others.items() if name not in right
        ]

    def _wrong_values(self, schema: dict[str, Any]) -> list[tuple[str, Any]]:
        faults: list[tuple[str, Any]] = []
        if "enum" in schema:
            faults += [
                ("not of the list", CANARY),
                ("nearly of the list", schema["enum"][-1] + " "),
            ]
        if "maximum" in schema:
            faults += [("above the most", NUMBER), ("just above", schema["maximum"] + 1)]
        if "minimum" in schema:
            faults += [("below the least", -NUMBER), ("just below", schema["minimum"] - 1)]
        if "maxLength" in schema:
            faults += [("too long", (CANARY * 100)[: schema["maxLength"] + 1])]
        if "maxItems" in schema:
            faults += [("too many", [self._right(schema["items"])] * (schema["maxItems"] + 1))]
        return faults

    def _wrong_fields(
        self, schema: dict[str, Any], value: dict[str, Any]
    ) -> list[tuple[str, dict[str, Any]]]:
        more: dict[str, Any] = {CANARY: self._chance.choice((CANARY, NUMBER, None, [], {}))}
        faults = [
            ("an unknown field", {**value, **more}),
            ("unknown fields first", {**more, **value}),
        ]
        for name in schema.get("required", []):
            less = {key: one for key, one in value.items() if key != name}
            faults.append((f"no {name}", less))
        return faults


def places(
    schema: dict[str, Any], arguments: dict[str, Any]
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Every value in the arguments: what holds it, by which key, and its schema."""
    waiting: list[tuple[Any, Any, dict[str, Any]]] = [({"": arguments}, "", schema)]
    while waiting:
        holder, key, found = waiting.pop()
        yield holder, key, found
        value = holder[key]
        if isinstance(value, dict):
            waiting += [(value, name, found["properties"][name]) for name in value]
        elif isinstance(value, list):
            waiting += [(value, place, found["items"]) for place in range(len(value))]
