"""Splits text into sentences that end with `.`, `!`, `?`, `。`, `।` or a line break."""

import re

_END = re.compile(
    r"(?<=[!?。！？।؟])\s*"  # these end a sentence wherever they stand
    r"|(?<=[^\W\d_]\.)\s+(?=[^\W\d_a-z]|[\"'(\[])"  # a full stop after a word, before a capital
    r"|(?<=[\d)\]\"'%]\.)\s+(?=[^\W\d_a-z])"
    r"|\n+"
)
_NOT_AN_END = re.compile(
    r"(?:^|\s)(?:e\.g|i\.e|Dr|Mr|Mrs|Ms|Prof|approx|vs|St|No)\.$", re.IGNORECASE
)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text in order, stripped; list marks stay."""
    joined: list[str] = []
    for part in _END.split(text):
        if not (part := part.strip()):
            continue
        if joined and _NOT_AN_END.search(joined[-1]):
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    return joined
