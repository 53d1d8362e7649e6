"""What a distilling model is asked: its prompts' parts and the shapes of its replies."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from inference.json_schemas import object_of
from inference.words import Word
from principle_store.distilling.words import Gathered
from rubrics.fencing import fenced
from rubrics.untrusted import visible

SAMPLE = 6  # criteria of a cluster that is only compared
LONGEST = 300  # characters of a sentence
PROMPTS = files("principle_store.distilling") / "prompts"


class Difference(Word):
    """An answer on which a draft comes to another verdict than a person."""

    criterion: str
    """The person's."""
    met: bool
    answer: str


def spread(members: Sequence[int], most: int) -> list[int]:
    """The most typical ones, and others evenly from the rest."""
    half = most // 2
    rest = members[half:]
    step = max(1, -(-len(rest) // (most - half)))
    return [*members[:half], *rest[::step]]


def principle_schema(most: int) -> dict[str, Any]:
    sentence = {"type": "string", "minLength": 10, "maxLength": LONGEST}
    points = {"type": "integer", "minimum": -10, "maximum": 10}
    row = object_of({"criterion": sentence, "points": points})
    fields: dict[str, Any] = {
        "statement": sentence,
        "rationale": {"type": "string", "maxLength": 2 * LONGEST},
        "criteria": {"type": "array", "minItems": 1, "maxItems": 4, "items": row},
        "guidance": {"type": "array", "maxItems": 3, "items": sentence},
    }
    if most:
        number = {"type": "integer", "minimum": 1, "maximum": most}
        fields["not_of_it"] = {"type": "array", "maxItems": most, "items": number}
    return object_of(fields)


def numbered(places: Sequence[int], gathered: Sequence[Gathered]) -> str:
    return "\n".join(
        f"{number}. [{gathered[place].points:g}] {quoted(gathered[place].text)}"
        for number, place in enumerate(places, start=1)
    )


def sample(group: Sequence[Gathered]) -> str:
    return "\n".join(f"- [{one.points:g}] {quoted(one.text)}" for one in group[:SAMPLE])


def difference_told(one: Difference) -> str:
    said = "met" if one.met else "not met"
    return f"A person found {quoted(one.criterion)} {said} in:\n\n{fenced(visible(one.answer))}"


def quoted(text: str) -> str:
    return json.dumps(" ".join(visible(text).split()), ensure_ascii=False)


def template(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")
