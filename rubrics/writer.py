"""Writes the rubric for one question: by a model, or from the principles' ready criteria.

It judges nothing and knows no store: it is handed `Hint`s, a principle's statement and criteria.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files

from inference.chat import ChatModel, Sampling
from inference.errors import BadInput, ModelError
from inference.messages import Conversation, Message
from inference.templates import fill
from inference.words import Word
from rubrics.errors import UnreadableReply
from rubrics.fencing import fenced
from rubrics.parsing import json_object
from rubrics.types import Criterion, Rubric

ATTEMPTS = 3
MOST_CRITERIA = 12
PROMPT = (files("rubrics") / "prompts" / "write_rubric.md").read_text(encoding="utf-8")

SCHEMA = {
    "type": "object",
    "properties": {
        "criteria": {
            "type": "array",
            "minItems": 3,
            "maxItems": MOST_CRITERIA,
            "items": {
                "type": "object",
                "properties": {
                    "criterion": {"type": "string", "minLength": 10, "maxLength": 240},
                    "points": {"type": "integer", "enum": [p for p in range(-10, 11) if p]},
                    "axis": {
                        "type": "string",
                        "enum": [
                            "accuracy",
                            "completeness",
                            "communication_quality",
                            "context_awareness",
                            "instruction_following",
                        ],
                    },
                    "critical": {"type": "boolean"},
                    "principle": {"type": "integer", "minimum": 0},
                },
                "required": ["criterion", "points", "axis", "critical", "principle"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["criteria"],
    "additionalProperties": False,
}


class Hint(Word):
    """What the writer may know of a principle."""

    principle_id: str
    statement: str
    criteria: tuple[Criterion, ...]


class WrittenRubric(Word):
    rubric: Rubric
    written_by: str
    note: str = ""
    """Why a model's rubric was not used, if one was asked for."""


class RubricWriter:
    """Asks the model, if there is one, or falls back on the principles' own criteria."""

    def __init__(self, chat: ChatModel | None) -> None:
        self._chat = chat

    async def write(self, conversation: Conversation, hints: Sequence[Hint]) -> WrittenRubric:
        """A rubric of at most twelve criteria.

        Raises:
            ModelError: the model cannot be reached, or refuses.
            BadInput: there are no principles to write from.
        """
        if self._chat is None:
            return WrittenRubric(
                rubric=ready_rubric(hint.criteria for hint in hints),
                written_by="the principles' own criteria",
            )
        messages = [Message(role="user", content=_prompt(conversation, hints))]
        reason = ""
        for attempt in range(ATTEMPTS):
            sampling = Sampling(
                temperature=0.0 if attempt == 0 else 0.7, max_tokens=2048, seed=attempt
            )
            try:
                said = await self._chat.complete(messages, sampling, SCHEMA)
                return WrittenRubric(rubric=_read(said.text, hints), written_by=self._chat.name)
            except UnreadableReply as error:
                reason = error.without_values()
        note = f"{self._chat.name} wrote no usable rubric in {ATTEMPTS} attempts ({reason})"
        return WrittenRubric(
            rubric=ready_rubric(hint.criteria for hint in hints),
            written_by="the principles' own criteria",
            note=note,
        )


def ready_rubric(by_principle: Iterable[Iterable[Criterion]]) -> Rubric:
    """The principles' own criteria in their order; critical ones go in first."""
    by_text = {one.criterion.casefold(): one for criteria in by_principle for one in criteria}
    ready = list(by_text.values())
    if not ready:
        raise BadInput("principles", "at least one to make a rubric from")
    kept = sorted(ready, key=lambda criterion: not criterion.critical)[:MOST_CRITERIA]
    return Rubric(criteria=tuple(sorted(kept, key=ready.index)))


def _prompt(conversation: Conversation, hints: Sequence[Hint]) -> str:
    lines = [
        f"{number}. {hint.statement} For example: "
        + "; ".join(f"[{criterion.points}] {criterion.criterion}" for criterion in hint.criteria)
        for number, hint in enumerate(hints, start=1)
    ]
    return fill(
        PROMPT,
        most=str(MOST_CRITERIA),
        principles="\n".join(lines),
        conversation=fenced(conversation.as_text()),
    )


def _read(text: str, hints: Sequence[Hint]) -> Rubric:
    rows = json_object(text).get("criteria")
    try:
        return Rubric.from_rows(
            [_row(row, hints) for row in rows] if isinstance(rows, list) else rows
        )
    except (BadInput, ModelError) as error:
        raise UnreadableReply(error.without_values()) from None


def _row(row: object, hints: Sequence[Hint]) -> object:
    """The model's row in our shape: its axis is a tag, its principle number an id."""
    if not isinstance(row, dict):
        return row
    number = row.get("principle")
    named = hints[number - 1 : number] if isinstance(number, int) and number > 0 else []
    return {
        "criterion": row.get("criterion"),
        "points": row.get("points"),
        "tags": [f"axis:{row.get('axis')}"],
        "critical": row.get("critical") is True,
        "principle_ids": [hint.principle_id for hint in named],
    }
