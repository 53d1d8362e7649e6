"""Judges by counting what no judge needs to be asked: whether an answer is too long."""

import re

from rubrics.types import Criterion, Verdict

LENGTH = "care:length"
"""The tag of criteria about length that our writer makes."""
SIGNS_A_WORD = 1.6  # in scripts without spaces
_LIMIT = re.compile(r"Is longer than about (\d+) words")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def longer_than(words: int) -> str:
    """The criterion's text."""
    return f"Is longer than about {words} words"


def by_count(criterion: Criterion, answer: str) -> Verdict | None:
    """The verdict on a criterion about length; None for any other."""
    found = _LIMIT.fullmatch(criterion.criterion)
    if found is None or LENGTH not in criterion.tags:
        return None
    words = words_in(answer)
    return Verdict(
        criterion_id=criterion.id,
        verdict="MET" if words > int(found[1]) else "UNMET",
        explanation=f"it has about {words} words",
    )


def words_in(text: str) -> int:
    signs = len(_UNSPACED.findall(text))
    return len(_UNSPACED.sub(" ", text).split()) + round(signs / SIGNS_A_WORD)
