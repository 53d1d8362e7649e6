"""Puts text that is not ours between marks which it cannot close itself."""

import re

SHORTEST = 5
_MARKS = re.compile(r"[`\u02cb\u1fef\u2035\uff40]+")  # those that look like one count too


def fenced(text: str) -> str:
    """The text between two lines of backticks, longer than any run of them inside."""
    longest = max((len(run) for run in _MARKS.findall(text)), default=0)
    fence = "`" * max(SHORTEST, longest + 1)
    return f"{fence}\n{text}\n{fence}"
