"""Fills `{{slots}}` of a prompt file in one pass: a value that looks like a slot stays text."""

import hashlib
import re
from importlib.resources.abc import Traversable

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def hash_of(folder: Traversable) -> str:
    """Changes when a prompt of this folder does."""
    texts = sorted(path.read_text(encoding="utf-8") for path in folder.iterdir())
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def fill(template: str, **values: str) -> str:
    """Put each value into its slot.

    Raises:
        ValueError: the template and the values do not name the same slots.
    """
    slots = set(_SLOT.findall(template))
    if slots != set(values):
        raise ValueError(f"template has slots {sorted(slots)}, got {sorted(values)}")
    return _SLOT.sub(lambda slot: values[slot[1]], template)
