"""Raises principles for emergencies by rule, before any model is asked: a miss costs the most.

The rules (`red_flags/rules.yaml`) combine what people tell of (`red_flags/*.yaml`, in nine
languages): a place and a complaint, an age and a temperature, a substance and a mouth. Likeness
of meaning plays no part in it. What is asked in general, long past, or about a text is left alone.
"""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property

from principle_store.danger_rules import (
    Danger,
    Join,
    Rules,
    load_grammars,
    load_lexicon,
    load_rules,
)
from principle_store.spotting import Hit, Spotter
from principle_store.types import Library, Principle
from principle_store.typing_errors import Corrector
from rubrics.glossary import plain
from rubrics.reading import Reading

URGENT = ("emergent", "conditionally_emergent")
REACH = 60  # words between the parts of a danger, at most
SIGN = 0.6  # of a word, in a script without spaces
LONGEST_HIT = 30  # words that one form takes, with its gaps
MOST_CHARACTERS = 12_000  # of a text: its beginning and its end, so that a flood stays cheap
MARKS = 4  # different frequent words that show a language
_WORD = re.compile(r"[a-z]+")


class RedFlags:
    """Finds which principles a question raises.

    Args:
        library: the principles that can be raised; rules for others are passed over.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._rules = load_rules()
        self._ids = sorted({one.id for one in library.principles} & set(self._rules.dangers))
        self._listeners: dict[str, _Listener] = {}

    def raised(self, reading: Reading) -> Sequence[str]:
        """The ids of the principles that a question raises, in order of id."""
        told = self._told(reading)
        if told.get("paperwork") and not told.get("now"):
            return []
        dangers = self._rules.dangers
        return [id for id in self._ids if any(_is_told(danger, told) for danger in dangers[id])]

    def _told(self, reading: Reading) -> Mapping[str, Sequence[float]]:
        """Concept -> after how many words it is told of, in own words or in their English."""
        written = _ends(reading.written)
        languages = [reading.language, *_marked(written, but=reading.language)]
        texts = [(language, written) for language in languages]
        if reading.language != "en":
            texts.append(("en", _ends(reading.english)))
        told: dict[str, list[float]] = defaultdict(list)
        for language, text in texts:
            for concept, words in self._listener(language).told(text).items():
                told[concept] += words
        return {concept: words for concept, words in told.items() if words}

    def _listener(self, language: str) -> "_Listener":
        if language not in self._listeners:
            corrector = self._corrector if language == "en" else None
            grammar = load_grammars().get(language)
            spotter = Spotter(load_lexicon(), language, grammar, self._rules.undenied, corrector)
            self._listeners[language] = _Listener(spotter, self._rules)
        return self._listeners[language]

    @cached_property
    def _corrector(self) -> Corrector:
        """Takes the library's words as right, and puts right to the rules' words."""
        written = " ".join(self._library.searched_texts()).casefold()
        forms = " ".join(of.get("en", "") for of in load_lexicon().values()).casefold()
        meant = set(_WORD.findall(forms))
        return Corrector(meant, meant | set(_WORD.findall(written)))


class _Listener:
    """Hears in a text of one language what counts for the rules."""

    def __init__(self, spotter: Spotter, rules: Rules) -> None:
        self._spotter, self._rules = spotter, rules

    def told(self, text: str) -> Mapping[str, Sequence[float]]:
        tokens = self._spotter.tokens(text)
        hits = self._unguarded(self._spotter.spot(tokens))
        for join in self._rules.joins:
            hits.setdefault(join.name, []).extend([*_joined(join, hits, self._word)])
        return {concept: [one.start * self._word for one in of] for concept, of in hits.items()}

    @property
    def _word(self) -> float:
        return SIGN if self._spotter.is_unspaced else 1.0

    def _unguarded(self, hits: Mapping[str, Sequence[Hit]]) -> dict[str, list[Hit]]:
        """Without what is told of the past or of anybody, unless its sentence is about now."""
        guarded = _sentences(hits, ("long_ago", "in_general")) - _sentences(hits, ("now",))
        return {
            concept: [
                one for one in of if one.sentence not in guarded or concept in self._rules.always
            ]
            for concept, of in hits.items()
        }


def is_for_emergencies(principle: Principle) -> bool:
    return principle.is_critical and any(
        principle.applies_to("urgency", urgency) for urgency in URGENT
    )


def _ends(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n{text[-half:]}"


def _marked(text: str, but: str) -> Sequence[str]:
    """Further languages that frequent words of a text show: short ones are easily taken wrong."""
    words = set(_WORD.findall(plain(text)))
    others = (one for one in load_grammars() if one != but)
    return [one for one in others if len(words & _marks(one)) >= MARKS]


@cache
def _marks(language: str) -> frozenset[str]:
    return frozenset(map(plain, load_grammars()[language].marks))


def _sentences(hits: Mapping[str, Sequence[Hit]], concepts: Iterable[str]) -> set[int]:
    return {one.sentence for concept in concepts for one in hits.get(concept, ())}


def _joined(join: Join, hits: Mapping[str, Sequence[Hit]], word: float) -> Iterator[Hit]:
    right = sorted(one for concept in join.right for one in hits.get(concept, ()))
    starts = [one.start for one in right]
    reach = int(join.near / word) + LONGEST_HIT
    for one in [hit for concept in join.left for hit in hits.get(concept, ())]:
        near = slice(bisect_left(starts, one.start - reach), bisect_left(starts, one.end + reach))
        for other in right[near]:
            first, second = sorted((one, other))
            apart = (second.start - first.end) * word
            if 0 <= apart <= join.near and _is_one_unit(first, second, join):
                yield first


def _is_one_unit(first: Hit, second: Hit, join: Join) -> bool:
    if join.is_tight:
        return first.clause == second.clause
    return first.sentence == second.sentence


def _is_told(danger: Danger, told: Mapping[str, Sequence[float]]) -> bool:
    """Whether all of a danger's parts are told of within reach of each other."""
    if not danger.none_of.isdisjoint(told):
        return False
    if any(offered.isdisjoint(told) for offered in danger.all_of):
        return False
    parts = [
        sorted(word for concept in offered for word in told.get(concept, ()))
        for offered in danger.all_of
    ]
    return _least_span(parts) <= REACH


def _least_span(parts: Sequence[Sequence[float]]) -> float:
    """How many words the shortest stretch takes that holds one of each part."""
    places, span = [0] * len(parts), math.inf
    while True:
        words = [part[place] for part, place in zip(parts, places, strict=True)]
        first = words.index(min(words))
        span = min(span, max(words) - words[first])
        places[first] += 1
        if span <= REACH or places[first] == len(parts[first]):
            return span
