"""Puts the referral first where an emergency was raised, whatever the model wrote.

Pure functions: from the ids of raised principles (see `principle_store.red_flags`) to the first
sentences of an answer, in the asker's language. No model is asked and nothing is diagnosed.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from importlib.resources import files

from inference.words import Word, read
from rubrics.glossary import plain
from rubrics.yaml_text import parsed

OTHERWISE = "en"  # the language of a referral where there is none in the asker's
SENTENCES = 2  # at the beginning of an answer, in which a referral has to stand
_SENTENCE_END = re.compile(r"(?<=[.!?\u0964\u061f])\s+|(?<=[。！？])|\n+")
_MARKUP = re.compile(r"^[\s#>*_\-\d.)]*|[*_]")


class Kind(Word):
    """One kind of help, and the principles that call for it."""

    principles: tuple[str, ...]
    say: dict[str, str]
    beside: bool = False
    """Whether it is added to a more urgent kind, not left out."""


class Naming(Word):
    """The words by which an answer shows that it names a referral."""

    act: tuple[str, ...]
    whom: tuple[str, ...]
    doubt: tuple[str, ...]


class Referrals(Word):
    numbers: dict[str, str]
    """Language -> the local emergency number in words."""
    kinds: dict[str, Kind]
    """By name, the most urgent first."""
    naming: Naming

    def text(self, kind: Kind, language: str) -> str:
        return kind.say[language].replace("{number}", self.numbers[language])


@cache
def load_referrals() -> Referrals:
    path = files("agent") / "referrals.yaml"
    return read(Referrals, parsed(path.read_text(encoding="utf-8")), path.name)


def referral(raised_ids: Collection[str], language: str) -> str:
    """The first sentences for the most urgent kind of help that is raised; empty if none is.

    A kind that goes `beside` another follows it.
    """
    referrals = load_referrals()
    spoken = language if language in referrals.numbers else OTHERWISE
    raised = [
        kind for kind in referrals.kinds.values() if not set(raised_ids).isdisjoint(kind.principles)
    ]
    beside = [kind for kind in raised[1:] if kind.beside][:1]
    return " ".join(referrals.text(kind, spoken) for kind in [*raised[:1], *beside])


def with_referral(answer: str, referral: str) -> str:
    """The answer with the referral on top, unless it begins with this or one of its own.

    In doubt it is put there: twice said does less harm than not at all. A beginning of the
    referral, as a truncated answer may be, is completed.
    """
    rest = answer.strip()
    if not referral or _begins_with(rest, referral) or _refers(rest):
        return answer
    if _levelled(referral).startswith(_levelled(rest)):
        return referral
    return f"{referral}\n\n{rest}"


def names_referral(answer: str) -> bool:
    """Whether an answer begins with a referral, one of ours or one of its own."""
    return _refers(answer) or _levelled(answer).startswith(_all_referrals())


def _begins_with(answer: str, referral: str) -> bool:
    return _levelled(answer).startswith(_levelled(referral))


def _refers(answer: str) -> bool:
    """Whether one of the first sentences sends to emergency help, without an if or a but."""
    naming = load_referrals().naming
    return any(
        _has(sentence, naming.act)
        and _has(sentence, naming.whom)
        and not _has(sentence, naming.doubt)
        and not sentence.rstrip().endswith(("?", "？", "؟"))
        for sentence in _beginning(answer)
    )


def _beginning(answer: str) -> Iterable[str]:
    """The first sentences, levelled, each with a blank before and behind."""
    sentences = (_levelled(one) for one in _SENTENCE_END.split(answer))
    return [f" {one} " for one in sentences if one][:SENTENCES]


def _has(sentence: str, words: Sequence[str]) -> bool:
    return any(_pattern(word).search(sentence) for word in words)


@cache
def _pattern(word: str) -> re.Pattern[str]:
    """The word at the beginning of a word; English verbs whole, lest "called" be an order."""
    levelled = re.escape(plain(word))
    if not re.match(r"[a-z]", plain(word)):
        return re.compile(levelled if not word[0].isdigit() else rf"(?<!\d){levelled}(?!\d)")
    return re.compile(rf"\b{levelled}(?!ed\b|ing\b|s\b)")


def _levelled(text: str) -> str:
    """Lower case, without accents and marks of layout, with single blanks."""
    return " ".join(_MARKUP.sub("", plain(text)).split())


@cache
def _all_referrals() -> tuple[str, ...]:
    """Every referral of ours, levelled."""
    referrals = load_referrals()
    return tuple(
        _levelled(referrals.text(kind, language))
        for kind in referrals.kinds.values()
        for language in referrals.numbers
    )
