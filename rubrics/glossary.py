"""Puts a question into crude English, word by word and without a model.

The embedder and most patterns know English alone. A glossary (`glossaries/*.yaml`, written for this
project) names the English for the words and phrases of one language; the longest one known wins.
The outcome is for machines: it reads like a telegram.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files

from pydantic import Field

from inference.words import Word, read
from rubrics.yaml_text import parsed

FOLDER = files("rubrics") / "glossaries"
LONGEST_PHRASE = 8  # words; in an unspaced script signs
SHORTEST_STEM = 2  # letters before the `*` of a form
SHORTEST_PART = 4  # letters of a part of a compound
JOINTS = ("", "s", "n", "es", "en")  # between the parts of a compound

# \w leaves out the vowel signs of Devanagari.
_TOKEN = re.compile(r"\d+[.,]\d+|[\w\u0900-\u097f]+|[.?!,;:%/]")
# Dandas end a sentence, joiners are unseen; Arabic's last letters are typed in two ways.
_ODD_SIGNS = str.maketrans("\u0964\u0965_\u0629\u0649", ".. \u0647\u064a", "\u200c\u200d")
_LATIN = re.compile(r"[a-z0-9.?!,;:%/]")


class Glossary(Word):
    """One language: how it is written and recognised. Its words are read when they are needed."""

    language: str = Field(pattern=r"^[a-z]{2}$")
    script: str
    """A character class of the regular expressions for a script of its own; empty for Latin."""
    spaced: bool
    compounds: bool
    prefixes: tuple[str, ...]
    common: tuple[str, ...]
    """Frequent words, by which the language is recognised."""

    @cached_property
    def frequent(self) -> frozenset[str]:
        return frozenset(plain(word) for word in self.common)

    @cached_property
    def words(self) -> dict[str, str]:
        """English -> forms, separated by commas; a `*` at the end stands for any ending."""
        path = FOLDER / f"{self.language}.yaml"
        if not path.is_file():
            return {}
        return read(dict[str, str], parsed(path.read_text(encoding="utf-8")), path.name)

    @cached_property
    def forms(self) -> Mapping[str, str]:
        """Each form's tokens, joined by blanks -> its English."""
        return {
            " ".join(self.tokens(form)) + ("*" if form.strip().endswith("*") else ""): english
            for english, forms in self.words.items()
            for form in forms.split(",")
        }

    def tokens(self, text: str) -> list[str]:
        found = _TOKEN.findall(plain(text))
        if self.spaced:
            return found
        signs = re.compile(f"{self.script}|[^\\W]+?(?={self.script})|\\S+")
        return [sign for token in found for sign in signs.findall(token)]

    def english(self, text: str) -> str:
        """The text with what is known in English; unknown words stay if they are in Latin."""
        return " ".join(word for word in self._translated(self.tokens(text)) if word)

    def _translated(self, tokens: Sequence[str]) -> Iterator[str]:
        place = 0
        while place < len(tokens):
            length, english = self._longest(tokens[place : place + LONGEST_PHRASE])
            yield english if length else self._alone(tokens[place])
            place += length or 1

    def _longest(self, tokens: Sequence[str]) -> tuple[int, str]:
        """How many of the tokens the longest known phrase takes, and its English."""
        for length in range(len(tokens), 0, -1):
            phrase = " ".join(tokens[:length])
            if (english := self._known(phrase)) is not None:
                return length, english
            if (english := self._without_prefix(phrase)) is not None:
                return length, english
        return 0, ""

    def _known(self, phrase: str) -> str | None:
        if phrase in self.forms:
            return self.forms[phrase]
        shortest = phrase.rfind(" ") + 1 + SHORTEST_STEM  # the `*` is of the last word alone
        stems = (phrase[:end] + "*" for end in range(len(phrase), shortest - 1, -1))
        return next((self.forms[stem] for stem in stems if stem in self.forms), None)

    def _alone(self, token: str) -> str:
        """An unknown word: in its parts, or as it stands."""
        if self.compounds and (parts := self._parts(token)):
            return " ".join(parts)
        return token if _LATIN.match(token) else ""

    def _parts(self, token: str) -> list[str] | None:
        """The English of the parts that make up a compound, the longest first part first."""
        if (english := self._known(token)) is not None:
            return [english]
        for end in range(len(token) - SHORTEST_PART, SHORTEST_PART - 1, -1):
            first = self.forms.get(token[:end]) or self.forms.get(token[:end] + "*")
            if not first:
                continue
            for joint in JOINTS:
                rest = token[end:]
                if rest.startswith(joint) and (later := self._parts(rest[len(joint) :])):
                    return [first, *later]
        return None

    def _without_prefix(self, phrase: str) -> str | None:
        for prefix in self._prefixes:
            rest = phrase.removeprefix(prefix)
            if rest != phrase and (english := self._known(rest)) is not None:
                return english
        return None

    @cached_property
    def _prefixes(self) -> Sequence[str]:
        return sorted(map(plain, self.prefixes), key=len, reverse=True)


class Glossaries:
    """Every language there is a glossary for."""

    def __init__(self, glossaries: Sequence[Glossary]) -> None:
        ordered = sorted(glossaries, key=lambda one: (one.language != "en", one.language))
        self._by_language = {glossary.language: glossary for glossary in ordered}

    def language(self, text: str) -> str:
        """The two-letter code of the language the text is most likely in; `en` if none shows."""
        for glossary in self._by_language.values():
            if glossary.script and _share(glossary.script, text) > 1 / 3:
                return glossary.language
        tokens = _TOKEN.findall(plain(text))
        marks = {"en": 0.0} | {
            code: sum(1 / self._shared[token] for token in tokens if token in glossary.frequent)
            for code, glossary in self._by_language.items()
        }
        return max(marks, key=lambda code: marks[code])  # the first, English, if none leads

    @cached_property
    def _shared(self) -> Mapping[str, int]:
        """How many languages a frequent word is frequent in."""
        return Counter(word for one in self._by_language.values() for word in one.frequent)

    def english(self, text: str, language: str) -> str:
        """The text in crude English; as it stands if it is English, or without a glossary."""
        glossary = self._by_language.get(language)
        return glossary.english(text) if glossary and glossary.words else text


def load_glossaries() -> Glossaries:
    text = (FOLDER / "languages.yaml").read_text(encoding="utf-8")
    return Glossaries(read(tuple[Glossary, ...], parsed(text), "languages.yaml"))


def plain(text: str) -> str:
    """Lower case, without accents, digits as ASCII has them.

    The vowel signs of Devanagari are no accents.
    """
    decomposed = unicodedata.normalize("NFD", text.casefold().translate(_ODD_SIGNS))
    return "".join(_digit(sign) for sign in decomposed if not _is_accent(sign))


def _digit(sign: str) -> str:
    return str(unicodedata.digit(sign)) if sign.isdecimal() else sign


def _is_accent(sign: str) -> bool:
    return unicodedata.category(sign) == "Mn" and not "\u0900" <= sign <= "\u097f"


def _share(script: str, text: str) -> float:
    letters = [sign for sign in text if sign.isalpha()]
    return len(re.findall(script, text)) / max(1, len(letters))
