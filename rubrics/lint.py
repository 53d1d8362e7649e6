"""Says what is wrong with the wording of a criterion. Prefers silence to a false alarm."""

import re
from collections.abc import Iterator

from inference.words import Word

_PAIRS = (
    r"benefits? and harms?|harms? and benefits?|risks? and benefits?|benefits? and risks?"
    r"|eating and drinking|food and drink|signs? and symptoms?|date and time|over and over"
    r"|back and forth|pros and cons|up and down|now and then"
    r"|again and again|more and more|less and less|day and night|trial and error|pins and needles"
    r"|between [^,;.]{1,60}? and"  # two that one thing is said of
    r"|and(?=[^,;.]* (?:differ\w*|are different|are the same|are caused|interact\w*|together)\b)"
)
_NEVER_DID = re.compile(r"\b(who|that) (have |has |had )?(never|not)\b")
_ADVISED = re.compile(r"\bwithout (medical|professional|a doctor's|the prescriber's) advice\b")
_COMPOUND = re.compile(r"\band\b|;")
_NEGATIVE = re.compile(
    r"\b(not|never|no|without|fails? to|omits?|lacks?|avoid(s|ing)?|refus(es|ing))\b", re.IGNORECASE
)
_VAGUE = re.compile(
    r"\b(appropriate(ly)?|adequate(ly)?|proper(ly)?|suitable|sufficient(ly)?|relevant|etc)\b",
    re.IGNORECASE,
)
_UNIT = (
    r"(mg|g|kg|mcg|micrograms?|µg|ml|mL|l|units?|iu|mmol|mEq|%|percent|tablets?|capsules?|drops?|puffs?"
    r"|joules?|cm|mm|m|°|degrees?|bpm|mmhg|kpa|kcal|cycles?|divided|doses?|times?|seconds?|minutes?|hours?"
    r"|days?|weeks?|months?|years?|people|persons|women|men|children|in|out|of|to|or|per|th|st|nd|rd)"
)
_NO_DOSE = (
    r"(?<!age of )(?<!aged )(?<!type )(?<!stage )(?<!grade )(?<!above )(?<!below )"
    r"(?!(?:19|20)\d\d\b)"
)
_BARE_DOSE = re.compile(
    rf"\b(dose|dosage|maximum|takes?|taking)\b[^.;]*?(?<![\w.,/-]){_NO_DOSE}"
    rf"\d+(?:[.,]\d+)?(?![\w.,/-]*\d)(?!\s*-?\s*{_UNIT}\b)(?!\s*[%°/:])",
    re.IGNORECASE,
)


class Finding(Word):
    """One thing that is wrong with a criterion, and what to do about it."""

    kind: str
    reason: str
    suggestion: str


def findings(criterion: str) -> Iterator[Finding]:
    """What is wrong with the text of one criterion."""
    said = _NEVER_DID.sub(" ", _ADVISED.sub(" ", criterion))
    said = re.sub(r"\"[^\"]*\"|'[^']{3,}'|\([^)]*\)|\[[^\]]*\]", " ", said)
    if _COMPOUND.search(re.sub(_PAIRS, " ", said, flags=re.IGNORECASE)):
        yield Finding(
            kind="compound",
            reason="it names two things, of which an answer may do one",
            suggestion="write a criterion for each",
        )
    if len(_NEGATIVE.findall(said)) >= 2:
        yield Finding(
            kind="double negative",
            reason="two negations are easily misread",
            suggestion="say what the answer does",
        )
    if vague := _VAGUE.search(said):
        yield Finding(
            kind="vague",
            reason=f"{vague[0]!r} is decided differently by each reader",
            suggestion="name what would be seen in the answer",
        )
    if _BARE_DOSE.search(said):
        yield Finding(
            kind="dose without unit",
            reason="a number without its unit can be ten or a thousand times too much",
            suggestion="write the unit after the number",
        )
