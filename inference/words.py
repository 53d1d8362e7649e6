"""The base of every type that travels, and the one way to read such a type from outside data."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from inference.errors import BadInput, UnknownField

Kind = TypeVar("Kind")


class Word(BaseModel):
    """Data that has arrived: frozen, strict, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read(kind: type[Kind], data: Any, where: str) -> Kind:
    """Make a `kind` of JSON-like data.

    Raises:
        BadInput: the data does not fit; it names the first field that does not, counted from 0.
    """
    try:
        found: Kind = _adapter(kind).validate_json(_as_json(data, where))  # type: ignore[arg-type]
    except ValidationError as error:
        raise refusal(error, where) from None
    return found


@lru_cache(maxsize=128)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _as_json(data: Any, where: str) -> str:
    # Strict validation takes lists for tuples in its JSON mode only: all outside data goes there.
    try:
        return json.dumps(data)
    except (TypeError, ValueError, RecursionError):
        raise BadInput(where, "JSON: objects, lists, text, numbers, true, false and null") from None


def refusal(error: ValidationError, where: str) -> BadInput:
    """Our words for pydantic's first complaint."""
    first = error.errors(include_url=False)[0]
    place = _place(where, first["loc"])
    match first["type"]:
        case "missing":
            return BadInput(place, "a value; it is missing")
        case "extra_forbidden":
            return UnknownField(_place(where, first["loc"][:-1]), first["loc"][-1])
        case "value_error":
            expected = str(first["ctx"]["error"])
        case "literal_error":
            expected = f"one of {first['ctx']['expected']}"
        case _:
            expected = first["msg"].removeprefix("Input should be ")
    if isinstance(first["input"], dict | list):
        return BadInput(place, expected)
    return BadInput(place, expected, first["input"])


def _place(where: str, path: Sequence[str | int]) -> str:
    for step in path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}"
    return where
