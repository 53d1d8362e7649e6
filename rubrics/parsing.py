"""Reads the JSON object out of what a model says, and finds quotes in what it said it about."""

import json
import re
import unicodedata
from typing import Any

from rubrics.errors import UnreadableReply

_THINKING = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


def json_object(text: str) -> dict[str, Any]:
    """The first JSON object of a reply; thinking, code fences and words around it are passed over.

    Raises:
        UnreadableReply: there is none.
    """
    said = _THINKING.sub("", text)
    decoder = json.JSONDecoder(strict=False)  # small models put raw line breaks into strings
    start = said.find("{")
    while start != -1:
        try:
            found, _ = decoder.raw_decode(said, start)
        except (json.JSONDecodeError, RecursionError):
            start = said.find("{", start + 1)
        else:
            return dict(found)
    raise UnreadableReply("the reply holds no JSON object")


def is_quoted(quote: str, text: str) -> bool:
    """Whether the words of the quote stand in the text, whatever their case and punctuation."""
    wanted = _plain(quote)
    return bool(wanted) and f" {wanted} " in f" {_plain(text)} "


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+(?:[.,]\d+)*|[<>=%±]", folded))
