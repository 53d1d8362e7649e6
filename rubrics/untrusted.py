"""What a text under judgement may try on its judge, and what is taken out or passed over.

Nothing here decides a verdict. A judge is shown the answer without characters that cannot be seen;
evidence is looked for in what is left once lines that speak to a judge are gone.
"""

import re
import unicodedata

from inference.sentences import sentences_of

LAST_OF_LATIN = 0x590
_JOINERS = "\u200c\u200d"  # needed between letters in Persian, Hindi and others, and in emoji
_LOOKALIKES = str.maketrans(
    "АВЕКМНОРСТХаеорсухіѕԁɡΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTXaeopcyxisdgABEZHIKMNOPTYXo"
)
_KEYS = "verdicts?|criteria_met|criterion(_id)?|explanation|quote"
_DOES = (
    "tells|advises|states|says|names|asks|explains|warns|recommends|mentions|meets|satisf|fulfil"
)
_SIGNS = (
    r"criteria_met|criterion_id|\bverdicts?\b\W{0,3}[:=]",
    rf"\"({_KEYS})\"\s*:",
    r"(verdicts?|criteri\w+|mark\w*|is|as|are|be|:|=)\W{0,3}(?-i:MET)\b",
    r"\bmark\w*\s+(it|this|all|them|every\w*|each\w*)\b[^.]{0,30}\b(met|true|satisfied|correct)\b",
    r"<\|[^|>]*\|>|\[/?INST\]|<</?SYS>>",
    r"</?(system|assistant|user|answer|rubric|criteri\w+|instructions?)>",
    r"^[^\w\n]{0,8}(system|assistant|user|human|judge|grader|evaluator|developer)\s*:",
    r"\b(ignore|disregard|forget|override)\b[^.]{0,30}\b(previous|prior|above|earlier|system|grading)\b",
    r"\b(graders?|evaluators?|grading (rubric|task|scheme)|scoring rubric|system prompt)\b",
    r"\b(full (marks|points|credit)|highest (score|grade|marks)|maximum (score|points))\b",
    r"\b(dear|note to|message to|attention,?|as) (the |a )?(judge|grader|examiner)\b",
    rf"\b(this|the|my) (answer|response|reply)\b( above| below)?[^.]{{0,30}}\b({_DOES})",
)
_TO_A_JUDGE = re.compile("|".join(f"(?:{one})" for one in _SIGNS), re.IGNORECASE | re.MULTILINE)


_MAY_HIDE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\ud800-\uf8ff\ufeff\ufff9-\ufffb\U000e0000-\U0010ffff]"
)


def visible(text: str) -> str:
    """The text without characters that no reader sees: zero-width, tags, direction marks."""
    if not _MAY_HIDE.search(text):
        return text
    return "".join(one for place, one in enumerate(text) if not _hides(text, place))


def speaks_to_a_judge(passage: str) -> bool:
    """Whether a passage is about verdicts and rubrics rather than about health."""
    said = visible(passage)
    if said.isascii():
        return bool(_TO_A_JUDGE.search(said))
    plain = unicodedata.normalize("NFKC", said)
    return bool(_TO_A_JUDGE.search(plain) or _TO_A_JUDGE.search(plain.translate(_LOOKALIKES)))


def evidence_in(answer: str) -> str:
    """The sentences of an answer that can show something: those that do not speak to a judge."""
    said = visible(answer)
    if not speaks_to_a_judge(said):
        return said
    lines = (
        " ".join(one for one in sentences_of(line) if not speaks_to_a_judge(one))
        for line in said.split("\n")
    )
    return "\n".join(line for line in lines if line)


def _hides(text: str, place: int) -> bool:
    one = text[place]
    # A joiner within a word of a script other than Latin, or within an emoji, belongs there.
    beside = text[place - 1 : place] + text[place + 1 : place + 2]
    if one in _JOINERS and len(beside) == 2 and min(map(ord, beside)) > LAST_OF_LATIN:
        return False
    return bool(_MAY_HIDE.match(one))
