"""Words that give an emergency away: a rule, since a missed one costs the most.

A critical principle for urgent questions is raised when all words of one of its search phrases
occur in the question, in whatever order and with other endings. Likeness plays no part in it.
"""

from collections.abc import Iterable, Sequence

from principle_store.lexical import words_of
from principle_store.types import Library, Principle
from rubrics.reading import Reading

URGENT = ("emergent", "conditionally_emergent")
SHORTEST = 5  # letters that must agree, of a word that has so many
ENDING = 3  # letters that may differ


class RedFlags:
    def __init__(self, library: Library) -> None:
        self._phrases = [
            (language, frozenset(map(_stem, words_of(phrase, language))), principle.id)
            for principle in library.principles
            if is_for_emergencies(principle)
            for language, phrases in principle.search_words.items()
            for phrase in phrases
        ]

    def raised(self, reading: Reading) -> Sequence[str]:
        """The ids of the principles that a question raises, in order of id."""
        said = {
            reading.language: _beginnings(words_of(reading.written, reading.language)),
            "en": _beginnings(words_of(reading.english, "en")),
        }
        return sorted(
            {
                id
                for language, stems, id in self._phrases
                if stems and language in said and stems <= said[language]
            }
        )


def is_for_emergencies(principle: Principle) -> bool:
    return principle.is_critical and any(
        principle.applies_to("urgency", urgency) for urgency in URGENT
    )


def _stem(word: str) -> str:
    return word[: max(SHORTEST, len(word) - ENDING)]


def _beginnings(words: Iterable[str]) -> set[str]:
    """Every beginning of the words that a stem can be."""
    return {word[:end] for word in words for end in range(min(SHORTEST, len(word)), len(word) + 1)}
