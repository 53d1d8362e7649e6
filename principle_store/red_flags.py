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
        self._by_stem: dict[tuple[str, str], list[tuple[frozenset[str], str]]] = {}
        """Language and a phrase's longest stem -> all its stems, and whose it is."""
        for principle in filter(is_for_emergencies, library.principles):
            for language, phrases in principle.search_words.items():
                for phrase in phrases:
                    self._add(language, words_of(phrase, language), principle.id)

    def _add(self, language: str, words: Sequence[str], id: str) -> None:
        if words:
            stems = frozenset(map(_stem, words))
            longest = max(sorted(stems), key=len)
            self._by_stem.setdefault((language, longest), []).append((stems, id))

    def raised(self, reading: Reading) -> Sequence[str]:
        """The ids of the principles that a question raises, in order of id."""
        said = {
            reading.language: _beginnings(words_of(reading.written, reading.language)),
            "en": _beginnings(words_of(reading.english, "en")),
        }
        return sorted(
            {
                id
                for language, beginnings in said.items()
                for beginning in beginnings
                for stems, id in self._by_stem.get((language, beginning), ())
                if stems <= beginnings
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
