"""Reads the JSON object out of what a model says, and finds quotes in what it said it about."""

import json
import re
import unicodedata
from typing import Any

from rubrics.errors import UnreadableReply

_THINKING = re.compile(r"^.*</think>", re.DOTALL)  # some templates open it in the prompt
_GAP = re.compile(r"\s*(?:\.{3,}|…|\[(?:\.{3}|…)\])\s*")
_TOKEN = re.compile(
    # Scripts without spaces letter by letter, other words whole, numbers with their fractions.
    r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:[.,]\d+)*"
    r"|[<>=%±]"
)
LEAST_WORDS_IN_PART = 3


def json_object(text: str) -> dict[str, Any]:
    """The last JSON object of a reply; thinking, code fences and words around it are passed over.

    The last, since a model may quote one out of what it judges before it gives its own.

    Raises:
        UnreadableReply: there is none, or a key stands in it twice.
    """
    said = _THINKING.sub("", text)
    if said.lstrip().startswith("<think>"):
        raise UnreadableReply("the reply was cut off while thinking")
    # Small models put raw line breaks into strings.
    decoder = json.JSONDecoder(
        strict=False, object_pairs_hook=_single_keys, parse_constant=_refuse_constant
    )
    found, start = None, said.find("{")
    while start != -1:
        try:
            found, end = decoder.raw_decode(said, start)
        except (json.JSONDecodeError, RecursionError):
            end = start + 1
        start = said.find("{", end)
    if found is None:
        raise UnreadableReply("the reply holds no JSON object")
    return dict(found)


def is_quoted(quote: str, text: str) -> bool:
    """Whether the words of the quote stand in the text, whatever their case and punctuation.

    A quote may leave something out with "..."; its parts, of three words or more, then stand in
    the text in that order.
    """
    parts = [part for part in map(plain, _GAP.split(quote)) if part]
    if len(parts) > 1 and any(len(part.split()) < LEAST_WORDS_IN_PART for part in parts):
        return False
    said, place = f" {plain(text)} ", 0
    for part in parts:
        if (place := said.find(f" {part} ", place)) == -1:
            return False
        place += len(part) + 1
    return bool(parts)


def plain(text: str) -> str:
    """Its words alone, one space between, in one case and one form of each letter."""
    return " ".join(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnreadableReply("a key stands twice in the reply")
    return found


def _refuse_constant(name: str) -> Any:
    raise UnreadableReply(f"the reply holds {name}, which is no JSON")
