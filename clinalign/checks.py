"""What a look at one thing comes to."""

from typing import Literal

from inference.words import Word


class Check(Word):
    name: str
    status: Literal["ok", "warning", "failed"]
    """A warning is worth a look; it does not keep anything from working."""
    found: str
    fix: str = ""
    """What to do, in one sentence; empty where all is well."""
