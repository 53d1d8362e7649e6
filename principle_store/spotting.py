"""Finds in a text what a lexicon of word forms names: a body part, a complaint, a time, an amount.

A form is one or more words: `word` itself, `stem*` with any ending, `..` for up to four words in
between, `<5-40>` for a number in that range, `<38.-43>` for one with a decimal point. Texts and
forms lose their accents and capitals. Chinese forms are read sign by sign.
What the writer denies, or tells of long ago or in general, is left out.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from inference.words import Word
from principle_store.typing_errors import Corrector
from rubrics.glossary import plain

Lexicon = Mapping[str, Mapping[str, str]]
"""Concept -> language -> forms, separated by commas."""

UNSPACED = frozenset({"zh", "ja"})
GAP = 4  # words that `..` stands for at most
DENIED_BEFORE, DENIED_AFTER = 4, 2  # words between a denial and what it denies
SHORTEST_STEM = 2
NUMBER = "<"
_SIGNS = "\u3040-\u30ff\u4e00-\u9fff"
_TOKEN = re.compile(
    rf"\d+(?:[.,]\d+)?|[{_SIGNS}]|(?:(?![{_SIGNS}\d])[\w\u0900-\u097f])+|[.,;:?!/%]"
)
_FORM = re.compile(rf"<[\d.]+-[\d.]+>|\.\.|[{_SIGNS}]|(?:(?![{_SIGNS}])[\w\u0900-\u097f])+\*?|[/%]")
_PAUSE = re.compile(r"\.{2,}|…")  # no end of a sentence
_STOPS = str.maketrans("。！？；，、：؟؛،\n", ".!?;,,:?;,.")
_SENTENCE_ENDS = frozenset(".?!")
_CLAUSE_ENDS = _SENTENCE_ENDS | frozenset(",;:")


class Grammar(Word):
    """What one language says no with, and how it writes numbers."""

    denials: tuple[str, ...] = ()
    no_denials: tuple[str, ...] = ()
    """Phrases that hold a denial and deny nothing of what follows, such as `not sure`."""
    denials_after: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    """Words that a denial does not reach beyond, such as `but`."""
    denials_next: tuple[str, ...] = ()
    """Those that deny nothing but the next word."""
    marks: tuple[str, ...] = ()
    """Frequent words by which the language shows where nobody expects it."""
    prefixes: tuple[str, ...] = ()
    """What is written together with the next word, such as an article."""
    numbers: Mapping[str, int] = {}


@dataclass(frozen=True, order=True)
class Hit:
    """Where a concept stands, in tokens, and in which sentence and clause."""

    start: int
    end: int
    sentence: int
    clause: int


Hits = Mapping[str, Sequence[Hit]]
_Form = tuple[str, ...]


class Spotter:
    """Finds the concepts of one language.

    Args:
        lexicon: what to find.
        language: its two letters, or `hi-Latn` for Hindi in Latin letters.
        grammar: of the same language.
        undenied: concepts that a denial shortly before them does not concern.
        corrector: for misspelt words, if the language has one.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        language: str,
        grammar: Grammar | None = None,
        undenied: frozenset[str] = frozenset(),
        corrector: Corrector | None = None,
    ) -> None:
        self._language, self._corrector = language, corrector
        self._grammar = grammar or Grammar()
        self.is_unspaced = language in UNSPACED
        self._lexicon, self._undenied = lexicon, undenied

    def tokens(self, text: str) -> list[str]:
        """The text's words as forms are compared with them."""
        found = _TOKEN.findall(self._levelled(_PAUSE.sub(", ", text)))
        if self._corrector:
            found = [self._corrector.corrected(one) for one in found]
        return [str(self._numbers.get(one, one)) for one in found]

    def spot(self, tokens: Sequence[str]) -> dict[str, list[Hit]]:
        """Every concept that is told of, with its places."""
        variants = [self._variants(token) for token in tokens]
        sentence, clause = _counted(tokens, _SENTENCE_ENDS), _counted(tokens, _CLAUSE_ENDS)
        hits: dict[str, set[Hit]] = defaultdict(set)
        for start in range(len(tokens)):
            for concept, form in self._beginning_with(variants[start : start + 2]):
                is_number = form[0].startswith(NUMBER)  # else its first part stands here
                done = 0 if is_number else 1
                end = _end_of(form[done:], variants, start + done)
                if end is None:
                    continue
                if concept in self._undenied or not self._is_denied(tokens, start, end):
                    hits[concept].add(Hit(start, end, sentence[start], clause[start]))
        return {concept: sorted(places) for concept, places in hits.items()}

    def _levelled(self, text: str) -> str:
        text = text.translate(_STOPS)
        apostrophe = "" if self._language == "en" else " "
        levelled = plain(re.sub(r"['’`´]", apostrophe, text))
        return _contracted(levelled) if self._language == "en" else levelled

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {plain(word): number for word, number in self._grammar.numbers.items()}

    @cached_property
    def _forms(self) -> Mapping[str, Sequence[tuple[str, _Form]]]:
        """First part of a form, of one that begins with a number its second -> concepts, parts."""
        index: dict[str, list[tuple[str, _Form]]] = defaultdict(list)
        for concept, forms_by_language in self._lexicon.items():
            for written in self._levelled(forms_by_language.get(self._language, "")).split(","):
                if form := self._parts(written):
                    index[_key(form)].append((concept, form))
        return index

    def _parts(self, levelled: str) -> _Form:
        parts = _FORM.findall(levelled)
        return tuple(str(self._numbers.get(part, part)) for part in parts)

    def _beginning_with(self, ahead: Sequence[Sequence[str]]) -> Iterator[tuple[str, _Form]]:
        """The forms that may stand here, by the variants of the next two words."""
        yield from self._known_as("", ahead[0])
        if ahead[0][0][0].isdecimal():
            yield from self._forms.get(NUMBER, ())
            yield from self._known_as(NUMBER, ahead[1] if len(ahead) > 1 else ())

    def _known_as(self, before: str, variants: Sequence[str]) -> Iterator[tuple[str, _Form]]:
        for token in variants:
            yield from self._forms.get(before + token, ())
            for end in range(SHORTEST_STEM, len(token) + 1):
                yield from self._forms.get(f"{before}{token[:end]}*", ())

    def _variants(self, token: str) -> Sequence[str]:
        """The word, and the word without what was written together with it."""
        rests = (
            token[len(prefix) :]
            for prefix in self._prefixes
            if token.startswith(prefix) and len(token) > len(prefix) + 1
        )
        return (token, *rests)

    @cached_property
    def _prefixes(self) -> Sequence[str]:
        return [plain(prefix) for prefix in self._grammar.prefixes]

    def _is_denied(self, tokens: Sequence[str], start: int, end: int) -> bool:
        before = self._clause(tokens[max(0, start - DENIED_BEFORE - 1) : start][::-1])[::-1]
        after = self._clause(tokens[end : end + DENIED_AFTER])
        if before and before[-1] in self._denials_next:
            return True
        said = f" {' '.join(before)} "
        for phrase in self._no_denials:
            said = said.replace(f" {phrase} ", " ")
        return any(f" {phrase} " in said for phrase in self._denials) or any(
            f" {phrase} " in f" {' '.join(after)} " for phrase in self._denials_after
        )

    def _clause(self, tokens: Sequence[str]) -> Sequence[str]:
        """The tokens up to where the clause ends."""
        for place, token in enumerate(tokens):
            if token in _CLAUSE_ENDS or token in self._turns:
                return tokens[:place]
        return tokens

    @cached_property
    def _denials(self) -> Sequence[str]:
        return self._phrases(self._grammar.denials)

    @cached_property
    def _no_denials(self) -> Sequence[str]:
        return self._phrases(self._grammar.no_denials)

    @cached_property
    def _denials_after(self) -> Sequence[str]:
        return self._phrases(self._grammar.denials_after)

    @cached_property
    def _denials_next(self) -> Sequence[str]:
        return self._phrases(self._grammar.denials_next)

    @cached_property
    def _turns(self) -> frozenset[str]:
        return frozenset(self._phrases(self._grammar.turns))

    def _phrases(self, written: Sequence[str]) -> Sequence[str]:
        return [" ".join(self._parts(self._levelled(one))) for one in written]


def _key(form: _Form) -> str:
    if not form[0].startswith(NUMBER):
        return form[0]
    second = form[1] if len(form) > 1 else ".."
    return NUMBER if second.startswith(("..", NUMBER)) else NUMBER + second


def _contracted(text: str) -> str:
    """English with `does not` as `doesnt`, since people write both."""
    text = re.sub(r"\bcan ?not\b", "cant", text)
    text = re.sub(r"\bwill not\b", "wont", text)
    return re.sub(r"\b(is|are|was|were|do|does|did|has|have|had|could|would) not\b", r"\1nt", text)


def _counted(tokens: Sequence[str], ends: frozenset[str]) -> list[int]:
    """For each token the number of its sentence, or clause, by what ends them."""
    numbers, number = [], 0
    for token in tokens:
        numbers.append(number)
        number += token in ends
    return numbers


def _end_of(form: _Form, variants: Sequence[Sequence[str]], start: int) -> int | None:
    """Where a form that starts here ends; None if it does not stand here."""
    if not form:
        return start
    if form[0] == "..":
        ends = (_end_of(form[1:], variants, place) for place in _gap(variants, start))
        return next((end for end in ends if end is not None), None)
    if start >= len(variants):
        return None
    if any(_fits(form[0], token) for token in variants[start]):
        return _end_of(form[1:], variants, start + 1)
    if variants[start][0] == ",":  # "my mum, 74"
        return _end_of(form, variants, start + 1)
    return None


def _gap(variants: Sequence[Sequence[str]], start: int) -> Iterator[int]:
    """The places up to `GAP` words on, within the sentence."""
    unspaced = start < len(variants) and re.match(f"[{_SIGNS}]", variants[start][0])
    for place in range(start, min(len(variants), start + GAP * (2 if unspaced else 1) + 1)):
        yield place
        if variants[place][0] in _SENTENCE_ENDS:
            return


def _fits(part: str, token: str) -> bool:
    if part.startswith("<"):
        return _is_between(part, token)
    if part.endswith("*"):
        return token.startswith(part[:-1])
    return part == token


def _is_between(part: str, token: str) -> bool:
    if not token[0].isdecimal():
        return False
    least, most = part.strip("<>").split("-")
    wants_decimal = least.endswith(".")
    if wants_decimal and not re.search("[.,]", token):
        return False
    return float(least.rstrip(".")) <= float(token.replace(",", ".")) <= float(most)
