"""Reads the labelled pairs of answers that the built-in judge is fitted to; see their README."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from inference.words import Word, read
from rubrics.types import Points, Text
from rubrics.yaml_text import parsed

FOLDER = Path(__file__).parent / "judge_examples"
Kind = Literal["paraphrase", "near_miss", "negative", "compound", "number", "asks", "condition"]


class LabelledPair(Word):
    """One question and criterion, and two answers of about equal length that part ways on it."""

    question: Text
    criterion: Text
    points: Points
    kind: Kind
    language: str
    met: Text
    unmet: Text

    def answers(self) -> tuple[tuple[str, bool], ...]:
        """Each answer with whether it meets the criterion."""
        return (self.met, True), (self.unmet, False)


def load_pairs(folder: Path = FOLDER) -> list[LabelledPair]:
    """All pairs, file by file in the order of their names.

    Raises:
        BadInput: one cannot be used; it names the file and the place, counted from 0.
    """
    return list(_pairs(folder))


def _pairs(folder: Path) -> Iterator[LabelledPair]:
    for path in sorted(folder.glob("*.yaml")):
        rows = parsed(path.read_text(encoding="utf-8"))
        yield from read(tuple[LabelledPair, ...], rows, path.name)
