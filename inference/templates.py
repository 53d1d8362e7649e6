"""Fills `{{slots}}` of a prompt file in one pass: a value that looks like a slot stays text."""

import re

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def fill(template: str, **values: str) -> str:
    """Put each value into its slot.

    Raises:
        ValueError: the template and the values do not name the same slots.
    """
    slots = set(_SLOT.findall(template))
    if slots != set(values):
        raise ValueError(f"template has slots {sorted(slots)}, got {sorted(values)}")
    return _SLOT.sub(lambda slot: values[slot[1]], template)
