"""Makes JSON schemas for replies: flat and strict, so that small models fill them."""

from typing import Any


def object_of(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
