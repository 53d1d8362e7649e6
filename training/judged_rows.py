"""Reads rows of answers that were judged: an agent's episodes, or a question's judged answers.

What is made of them is `training.pairs` and `training.verifier_data`.
"""

from collections.abc import Mapping
from typing import Any

from inference.errors import BadInput
from inference.words import Word, read
from rubrics.types import Rubric, Text, Verdict


class JudgedAnswer(Word):
    answer: Text
    verdicts: tuple[Verdict, ...]
    truncated: bool = False
    """Whether the answer broke off."""


def rubric_in(row: Mapping[str, Any], where: str) -> Rubric:
    """What the row's answers were judged by.

    Raises:
        BadInput: there is no usable rubric.
    """
    given = row.get("rubric", row.get("rubrics"))
    return Rubric.from_rows(given, f"{where}: rubric")


def answers_in(row: Mapping[str, Any], where: str) -> tuple[JudgedAnswer, ...]:
    """The answers of a row with their verdicts; whether these fit the rubric is not looked at.

    Raises:
        BadInput: there are none, or one cannot be used.
    """
    given = row.get("attempts", row.get("answers"))
    if not isinstance(given, list):
        raise BadInput(where, "an episode's `attempts`, or `answers` with their verdicts")
    return read(tuple[JudgedAnswer, ...], [_known(one) for one in given], f"{where}: answers")


def _known(answer: Any) -> Any:
    """Without what else an episode says of an answer."""
    if not isinstance(answer, Mapping):
        return answer
    return {name: answer[name] for name in JudgedAnswer.model_fields if name in answer}
