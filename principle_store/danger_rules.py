"""Reads the rules that say which dangers raise which principle, and what they are made of."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations, product
from typing import Any

from inference.errors import BadInput
from inference.words import Word, read
from principle_store.spotting import Grammar, Lexicon
from rubrics.yaml_text import parsed

FOLDER = files("principle_store") / "red_flags"
APART = {"rules.yaml", "grammar.yaml"}  # of the folder's files, those that hold no concepts
NEAR = 9  # words between a place and its complaint, where a rule says nothing else
_JOINED = re.compile(r"~(\d*)")
CONCEPTS_OF_FRAMES = {"now", "long_ago", "in_general", "paperwork"}


@dataclass(frozen=True)
class Join:
    """A concept that is told of where one of each side stands close together."""

    name: str
    left: frozenset[str]
    right: frozenset[str]
    near: int = NEAR
    """Words that may lie between the two."""
    is_tight: bool = False
    """Whether both must stand in one clause, not only in one sentence."""


@dataclass(frozen=True)
class Danger:
    """One of each of `all_of` must be told of, and none of `none_of`."""

    all_of: tuple[frozenset[str], ...]
    none_of: frozenset[str]

    def concepts(self) -> frozenset[str]:
        return self.none_of.union(*self.all_of)


@dataclass(frozen=True)
class Rules:
    joins: Sequence[Join]
    undenied: frozenset[str]
    """What a denial shortly before does not concern."""
    always: frozenset[str]
    """What counts even where it is told of as long past."""
    dangers: Mapping[str, Sequence[Danger]]
    """Principle -> what raises it."""


class _RuleFile(Word):
    joined: dict[str, str]
    undenied: tuple[str, ...]
    always: tuple[str, ...]
    rules: dict[str, tuple[str, ...]]


@cache
def load_lexicon() -> Lexicon:
    """Every concept of the folder's files.

    Raises:
        BadInput: a concept stands in no proper form.
    """
    lexicon: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.iterdir(), key=str):
        if path.name.endswith(".yaml") and path.name not in APART:
            for concept, forms in read(dict[str, dict[str, str]], _yaml(path), path.name).items():
                for language, written in forms.items():
                    kept = lexicon.setdefault(concept, {})
                    kept[language] = ", ".join(filter(None, [kept.get(language), written]))
    return lexicon


@cache
def load_grammars() -> Mapping[str, Grammar]:
    path = FOLDER / "grammar.yaml"
    return read(dict[str, Grammar], _yaml(path), path.name)


@cache
def load_rules() -> Rules:
    """The rules, whose concepts all exist.

    Raises:
        BadInput: a rule names a concept that no file holds.
    """
    path = FOLDER / "rules.yaml"
    written = read(_RuleFile, _yaml(path), path.name)
    rules = Rules(
        joins=[_join(name, text) for name, text in written.joined.items()],
        undenied=frozenset(written.undenied),
        always=frozenset(written.always),
        dangers={
            id: [danger for text in texts for danger in _dangers(text)]
            for id, texts in written.rules.items()
        },
    )
    _check(rules, set(load_lexicon()) | {join.name for join in rules.joins})
    return rules


def _join(name: str, text: str) -> Join:
    left, near, right = _JOINED.split(text, maxsplit=1)
    return Join(name, _offered(left), _offered(right), int(near or NEAR), bool(near))


def _dangers(text: str) -> Iterator[Danger]:
    """A rule's text, once for each pair that its `2x` offers."""
    wanted, _, unwanted = text.partition(" - ")
    parts = [list(_alternatives(part.strip())) for part in wanted.split(" + ")]
    for chosen in product(*parts):
        together = tuple(concepts for part in chosen for concepts in part)
        yield Danger(together, _offered(unwanted))


def _alternatives(part: str) -> Iterator[tuple[frozenset[str], ...]]:
    if part.startswith("2x "):
        for pair in combinations(sorted(_offered(part.removeprefix("2x "))), 2):
            yield tuple(frozenset({one}) for one in pair)
    else:
        yield (_offered(part),)


def _offered(text: str) -> frozenset[str]:
    return frozenset(filter(None, (one.strip() for one in text.split("|"))))


def _check(rules: Rules, known: set[str]) -> None:
    named = rules.undenied | rules.always | CONCEPTS_OF_FRAMES
    named |= {one for join in rules.joins for one in join.left | join.right}
    named |= {
        one for dangers in rules.dangers.values() for danger in dangers for one in danger.concepts()
    }
    if unknown := sorted(named - known):
        raise BadInput("red_flags/rules.yaml", "concepts that a file holds", ", ".join(unknown))


def _yaml(path: Any) -> Any:
    return parsed(path.read_text(encoding="utf-8"))
