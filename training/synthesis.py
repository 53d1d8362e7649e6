"""Writes a rubric for a question from the principles that match it, or says why there is none.

The row function of batch synthesis: the same tools and the same writer as the agent's. Which rows
there are and where they go is not its matter; see `clinalign.commands.synthesize`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Literal

from inference.chat import ChatModel
from inference.errors import BadInput, ClinalignError, ModelError
from inference.ledger import Ledger, Metered
from inference.messages import Conversation
from inference.templates import hash_of
from inference.words import Word, read
from mcp_server.client import HealthTools
from mcp_server.results import Principles
from rubrics.rubric_lint import rubric_findings
from rubrics.types import Criterion, Label, Rubric, Scenario
from rubrics.writer import Hint, RubricWriter, WriterOptions, WrittenRubric

PROMPTS = files("rubrics") / "prompts"
POOL = 8  # principles of one question
FEWEST = 3  # criteria of a rubric that can be used
WRITER = "writer"

Reason = Literal["no_question", "no_principles", "unwritten", "too_few_criteria", "no_negative"]


class Rejected(ClinalignError):
    """No rubric for this row; another run would find the same."""

    def __init__(self, kind: Reason, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind, self.why = kind, why


class Provenance(Word):
    """All that a rubric depends on, and what it cost."""

    library: str
    """Its hash."""
    library_version: str
    writer: str
    writing: WriterOptions
    prompts: str
    """A hash of the writer's prompts."""
    made_at: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    note: str = ""


class RubricTask(Word):
    """A question with the rubric that its answers are judged by; HealthBench's names."""

    prompt_id: str
    prompt: list[dict[str, Any]]
    scenario: dict[str, Label]
    principle_ids: tuple[str, ...]
    rubrics: list[dict[str, Any]]
    provenance: Provenance


class Synthesis:
    """Makes tasks of rows.

    Args:
        tools: the MCP tools.
        writer: the model; None for the principles' own criteria.
        options: how the model writes.
        pool: principles looked up for a question.
    """

    def __init__(
        self, tools: HealthTools, writer: ChatModel | None, options: WriterOptions, pool: int = POOL
    ) -> None:
        self._tools, self._writer, self._options, self._pool = tools, writer, options, pool

    @property
    def by(self) -> str:
        """All that a task depends on besides its row and the library."""
        name = self._writer.name if self._writer else "none"
        return " | ".join(
            (name, hash_of(PROMPTS), self._options.model_dump_json(), str(self._pool))
        )

    async def task(self, row: Mapping[str, Any]) -> RubricTask:
        """The row's question with a rubric.

        Args:
            row: with `prompt`, a conversation; `prompt_id` is kept.

        Raises:
            Rejected: there is none, for a reason that lies in the row.
            ModelError: the model gave no reply.
            ToolRefused: a tool would not.
        """
        asked = _asked(row)
        pool = await self._tools.get_health_principles(asked, k=self._pool)
        on_topic = tuple(one for one in pool.principles if one.on_topic)
        if not on_topic:
            raise Rejected("no_principles", "the library has none on this topic")
        hints = [
            Hint(principle_id=one.id, statement=one.statement, criteria=one.criteria)
            for one in on_topic
        ]
        ledger = Ledger()
        chat = Metered(self._writer, ledger, WRITER) if self._writer else None
        scenario = Scenario(labels=pool.scenario)
        written = await RubricWriter(chat, self._options).write(asked, hints, scenario)
        if self._writer and written.written_by != self._writer.name:
            if ledger.of(WRITER).failed:  # another run may have better luck
                raise ModelError(written.note)
            raise Rejected("unwritten", written.note)
        rubric = _sound(written)
        messages = [one.model_dump() for one in asked.messages]
        return RubricTask(
            prompt_id=str(row.get("prompt_id") or _id_of(messages)),
            prompt=messages,
            scenario=pool.scenario,
            principle_ids=tuple(one.id for one in on_topic),
            rubrics=rubric.rows(),
            provenance=self._provenance(pool, written, ledger),
        )

    def _provenance(self, pool: Principles, written: WrittenRubric, ledger: Ledger) -> Provenance:
        spent = ledger.of(WRITER)
        return Provenance(
            library=pool.library.hash,
            library_version=pool.library.version,
            writer=written.written_by,
            writing=self._options,
            prompts=hash_of(PROMPTS),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            calls=spent.calls,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            note=written.note,
        )


def _asked(row: Mapping[str, Any]) -> Conversation:
    given = row.get("prompt", row.get("question"))
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    try:
        return read(Conversation, {"messages": messages}, "prompt")
    except BadInput as error:
        raise Rejected("no_question", error.without_values()) from None


def _sound(written: WrittenRubric) -> Rubric:
    """The rubric without what the linter still objects to."""
    criteria = written.rubric.criteria
    flawed = {place for place, _ in rubric_findings(criteria)}
    kept: tuple[Criterion, ...] = tuple(
        one for place, one in enumerate(criteria) if place not in flawed
    )
    if len(kept) < FEWEST:
        told = f"{len(kept)} of {len(criteria)} can be used, {FEWEST} are needed"
        raise Rejected("too_few_criteria", told)
    if all(one.points > 0 for one in kept):
        raise Rejected("no_negative", "no criterion takes points for a harm")
    return Rubric(criteria=kept)


def _id_of(messages: list[dict[str, Any]]) -> str:
    written = json.dumps(messages, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]
