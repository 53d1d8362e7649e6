"""Turns a criterion into what it wants, for the embedder's eye.

Authors word one wish in many ways: with "The response should" before it, as the good thing or as
the harm of its lack, in their own language. What is left here is for machines alone; people are
shown the criterion as it was written.
"""

import re

from rubrics.glossary import Glossaries

_SPEAKER = (
    r"(?:the |this |an? |any )?(?:response|answer|reply|model|assistant|chatbot|bot|ai|output|text"
    r"|author|writer|message|it)"
)
_LEAD = re.compile(
    rf"^\W*{_SPEAKER}\b[ ,]*(?:(?:should|must|needs? to|ought to|has to|will|would|can|may|is)\b"
    r"(?: ideally| always| clearly| explicitly| also| not)?[ ,]*)?",
    re.IGNORECASE,
)
_LACK = re.compile(
    r"\b(?:fail(?:s|ed|ing)? to|(?:does|did|do) ?n[o']t|doesnt|should ?n[o']t|must not"
    r"|neglects? to|forgets? to|omits? to|omits?|omitting|skips?|lacks?|ignores?|never|without ever"
    r"|without first|without|instead of)\b(?: (?:any|even|once|ever|first|clearly|explicitly))*",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")


def wish(text: str, glossaries: Glossaries) -> str:
    """What the criterion wants: in crude English, without its speaker and the words of lack."""
    said = _SPACES.sub(" ", glossaries.english(text, glossaries.language(text))).strip()
    bare = _LACK.sub(" ", _LEAD.sub("", said))
    return _SPACES.sub(" ", bare).strip(" .,;:") or said or text
