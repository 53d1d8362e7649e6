"""The words of batch synthesis: what a row is asked for, what it becomes, and why it may not."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inference.errors import BadInput, ClinalignError
from inference.messages import MOST_CHARACTERS, Conversation
from inference.words import Word, read
from rubrics.types import Label
from rubrics.writing_words import Hint, WriterOptions
from training.controls import Controls

Stage = Literal["all", "scenario", "pool", "rubric"]
STAGES: tuple[Stage, ...] = ("all", "scenario", "pool", "rubric")
Reason = Literal[
    "unreadable",  # no JSON object
    "no_question",
    "too_long",
    "duplicate",  # nearly the same as an earlier row
    "contaminated",  # shares words in a row with what measures
    "not_prepared",  # the stage before this one did not write what this one needs
    "no_principles",
    "unwritten",  # the model wrote no rubric
    "too_few_criteria",
    "no_negative",
    "no_context",
]


class Rejected(ClinalignError):
    """Nothing for this row; another run would find the same."""

    def __init__(self, kind: Reason, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind, self.why = kind, why


class Pool(Word):
    """What a rubric is written from, beside the question."""

    scenario: dict[str, Label]
    hints: tuple[Hint, ...]

    @property
    def principle_ids(self) -> list[str]:
        return [hint.principle_id for hint in self.hints]

    def labels(self) -> dict[str, Any]:
        return {name: label.model_dump(by_alias=True) for name, label in self.scenario.items()}


class Provenance(Word):
    """All that a rubric depends on, and what it cost."""

    library: str
    """Its hash."""
    library_version: str
    writer: str
    writing: WriterOptions
    controls: Controls
    prompts: str
    """A hash of the writer's prompts."""
    seed: int
    made_at: str
    seconds: float
    """Of waiting for models."""
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    notes: tuple[str, ...] = ()
    """What the controls changed, and what a model did not give."""


def asked_in(row: Mapping[str, Any]) -> Conversation:
    """The question of a row: `prompt`, a conversation or a text; or `question`.

    Raises:
        Rejected: there is none that can be worked on.
    """
    given = row.get("prompt", row.get("question"))
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    try:
        return read(Conversation, {"messages": messages}, "prompt")
    except BadInput as error:
        kind: Reason = "too_long" if _length(messages) > MOST_CHARACTERS else "no_question"
        raise Rejected(kind, error.without_values()) from None


def id_of(row: Mapping[str, Any], asked: Conversation) -> str:
    """The row's own `prompt_id`, or a hash of its conversation."""
    if given := row.get("prompt_id"):
        return str(given)
    messages = [one.model_dump() for one in asked.messages]
    written = json.dumps(messages, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _length(messages: Any) -> int:
    if not isinstance(messages, Sequence):
        return 0
    said = (one.get("content") for one in messages if isinstance(one, Mapping))
    return sum(len(text) for text in said if isinstance(text, str))
