"""Puts words right that were typed wrong by one letter, where it is clear what was meant."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

SHORTEST = 5  # letters of a word that is put right; shorter ones are too like each other


class Corrector:
    """Corrects to the words that matter, and leaves every word alone that is known.

    Args:
        meant: the words to recognise.
        known: words that are right as they are.
    """

    def __init__(self, meant: Iterable[str], known: Iterable[str]) -> None:
        self._meant = sorted({word for word in meant if len(word) >= SHORTEST})
        self._known = frozenset(known)

    def corrected(self, word: str) -> str:
        """The one word meant that differs by one letter or a swap; else the word itself."""
        if len(word) < SHORTEST or word in self._known or not word.isalpha():
            return word
        near = {meant for part in _shortened(word) for meant in self._by_part.get(part, ())}
        fitting = sorted(one for one in near if one[0] == word[0] and _is_one_off(word, one))
        return fitting[0] if fitting else word

    @cached_property
    def _by_part(self) -> dict[str, list[str]]:
        by_part: dict[str, list[str]] = defaultdict(list)
        for word in self._meant:
            for part in _shortened(word):
                by_part[part].append(word)
        return by_part


def _shortened(word: str) -> set[str]:
    """The word itself and the word without any one of its letters."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _is_one_off(left: str, right: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, make them the same."""
    start = next(
        (place for place, pair in enumerate(zip(left, right, strict=False)) if len(set(pair)) > 1),
        min(len(left), len(right)),
    )
    return any(_rest(left, start, cut) == _rest(right, start, other) for cut, other in _CUTS) or (
        left[start : start + 2] == right[start : start + 2][::-1]
        and left[start + 2 :] == right[start + 2 :]
    )


_CUTS: Sequence[tuple[int, int]] = ((0, 1), (1, 0), (1, 1))


def _rest(word: str, start: int, cut: int) -> str:
    return word[start + cut :]
