"""Writes a rubric for a question from the principles that match it, or says why there is none.

The row function of batch synthesis, whole or in three stages that add fields to a row: the same
tools and the same writer as the agent's. Which rows there are and where they go is not its matter;
see `clinalign.commands.synthesize`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from typing import Any

from inference.chat import ChatModel
from inference.embedding import TextVectors
from inference.errors import ModelError
from inference.ledger import Ledger, Metered, Spent
from inference.messages import Conversation
from inference.templates import hash_of
from mcp_server.client import HealthTools
from principle_store.types import LibraryStamp
from rubrics.rubric_lint import rubric_findings
from rubrics.types import Criterion, Scenario
from rubrics.writer import RubricWriter, WriterOptions, WrittenRubric
from rubrics.writing_mending import is_of_situation
from training.controls import (
    FEWEST,
    Controls,
    Kept,
    completed,
    discriminating,
    merged,
    weighted,
)
from training.pools import Pools
from training.samples import Difficulty, brought, judged, sampled
from training.tasks import Pool, Provenance, Rejected, Stage, asked_in, id_of

PROMPTS = files("rubrics") / "prompts"
POOL = 8  # principles of one question
WRITER, POLICY = "writer", "policy"


@dataclass(frozen=True)
class Means:
    """What synthesis works with."""

    tools: HealthTools
    library: LibraryStamp
    vectors: TextVectors
    writer: ChatModel | None = None
    """None for the principles' own criteria."""
    policy: ChatModel | None = None
    """Gives the sampled answers, where the row brings none."""
    options: WriterOptions = WriterOptions.plain()
    controls: Controls = field(default_factory=Controls)
    stage: Stage = "all"
    reads: bool = False
    """Whether a model reads the questions, for the tools."""
    seed: int = 0

    @cached_property
    def writing(self) -> WriterOptions:
        """The options, with a repair of what would be dropped or rejected afterwards."""
        wanted = {"atomic": True, "harms": self.controls.harms, "situation": self.controls.context}
        return self.options.model_copy(update=wanted)

    @cached_property
    def prompts(self) -> str:
        return hash_of(PROMPTS)

    @cached_property
    def by(self) -> str:
        """All that a row's outcome depends on besides the row."""
        named = [one.name if one else "none" for one in (self.writer, self.policy)]
        set_to = (self.writing.model_dump_json(), self.controls.model_dump_json())
        made_of = (self.prompts, self.library.hash, self.stage, str(self.seed), str(POOL))
        return " | ".join((*named, *set_to, *made_of))


@dataclass
class _Draft:
    """One rubric in the making."""

    asked: Conversation
    pool: Pool
    answers: Sequence[str]
    ledger: Ledger = field(default_factory=Ledger)
    criteria: tuple[Criterion, ...] = ()
    written_by: str = ""
    notes: list[str] = field(default_factory=list)
    difficulty: Difficulty | None = None
    waived: str = ""
    """Why none of its criteria looks at the asker's situation."""

    def take(self, kept: Kept) -> None:
        self.criteria, note = kept
        self.notes += [note] if note else []


class Synthesis:
    def __init__(self, means: Means) -> None:
        self.means = means
        self._pools = Pools(means.tools, POOL)

    async def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the stage adds to a row, or writes anew.

        Args:
            row: with `prompt`, a conversation; `prompt_id` and `answers` are used if they are
                there, and what earlier stages wrote.

        Raises:
            Rejected: there is none, for a reason that lies in the row.
            ModelError: a model gave no reply.
            ToolRefused: a tool would not.
        """
        asked = asked_in(row)
        messages = [one.model_dump() for one in asked.messages]
        found: dict[str, Any] = {"prompt_id": id_of(row, asked), "prompt": messages}
        pool = await self.pool(asked, row)
        found["scenario"] = pool.labels()
        if self.means.stage == "scenario":
            return found
        if not pool.hints:
            raise Rejected("no_principles", "the library has none on this topic")
        found["principle_ids"] = pool.principle_ids
        if self.means.stage == "pool":
            return found
        return {**found, **await self._rubric(asked, pool, row)}

    async def pool(self, asked: Conversation, row: Mapping[str, Any]) -> Pool:
        """What the row's rubric is written from.

        Raises:
            Rejected: an earlier stage did not prepare it.
            ToolRefused: a tool would not.
        """
        if self.means.stage == "rubric":
            return await self._pools.kept(row)
        return await self._pools.found(asked, row)

    async def _rubric(
        self, asked: Conversation, pool: Pool, row: Mapping[str, Any]
    ) -> dict[str, Any]:
        draft = _Draft(asked, pool, brought(row))
        await self._sample(draft)
        await self._write(draft)
        await self._measure(draft)
        if not self.means.writer:
            ready = [one for hint in pool.hints for one in hint.criteria]
            draft.take(completed(draft.criteria, ready, self.means.controls))
        self._check(draft)
        measured = {"difficulty": draft.difficulty.model_dump()} if draft.difficulty else {}
        rows = [one.model_dump(mode="json") for one in draft.criteria]
        return {"rubrics": rows, **measured, "provenance": self._provenance(draft).model_dump()}

    async def _sample(self, draft: _Draft) -> None:
        means = self.means
        if means.controls.samples_answers and not draft.answers and means.policy:
            policy = Metered(means.policy, draft.ledger, POLICY)
            draft.answers = await sampled(policy, draft.asked, means.controls.samples, means.seed)
        if means.controls.samples_answers and not draft.answers:
            draft.notes.append("no answers to go by")

    async def _write(self, draft: _Draft) -> None:
        first = await self._written(draft, self.means.seed)
        draft.written_by = first.written_by
        draft.criteria = first.rubric.criteria
        draft.waived = first.waived
        draft.notes += [f"no context: {first.waived}"] if first.waived else []
        if self.means.controls.merge and self.means.writer:
            second = (await self._written(draft, self.means.seed + 1)).rubric.criteria
            draft.take(await asyncio.to_thread(merged, draft.criteria, second, self.means.vectors))
        leaked = draft.answers if self.means.controls.leaks else ()
        flawed = {place for place, _ in rubric_findings(draft.criteria, leaked)}
        sound = [one for place, one in enumerate(draft.criteria) if place not in flawed]
        draft.take((tuple(sound), f"{len(flawed)} flawed dropped" if flawed else ""))

    async def _written(self, draft: _Draft, seed: int) -> WrittenRubric:
        means = self.means
        chat = Metered(means.writer, draft.ledger, WRITER) if means.writer else None
        shown = draft.answers if means.controls.contrast and len(draft.answers) > 1 else ()
        written = await RubricWriter(chat, means.writing).write(
            draft.asked, draft.pool.hints, Scenario(labels=draft.pool.scenario), shown, seed
        )
        if means.writer and written.written_by != means.writer.name:
            if draft.ledger.of(WRITER).failed:  # another run may have better luck
                raise ModelError(written.note)
            raise Rejected("unwritten", written.note)
        draft.notes += [written.note] if written.note else []
        dropped = len(written.dropped)
        draft.notes += [f"{dropped} proposed and not used"] if dropped else []
        return written

    async def _measure(self, draft: _Draft) -> None:
        controls = self.means.controls
        if not (controls.judges and draft.answers and draft.criteria):
            return
        found = await judged(self.means.tools, draft.asked, draft.answers, draft.criteria)
        draft.difficulty = found.difficulty() if controls.difficulty else None
        if controls.discriminate:
            draft.take(discriminating(draft.criteria, found.shares))
        if controls.weights:
            draft.take(weighted(draft.criteria, found.shares))

    def _check(self, draft: _Draft) -> None:
        criteria = draft.criteria
        if len(criteria) < FEWEST:
            raise Rejected("too_few_criteria", f"{len(criteria)} can be used, {FEWEST} are needed")
        controls = self.means.controls
        if controls.harms and all(one.points > 0 for one in criteria):
            raise Rejected("no_negative", "no criterion takes points for a harm")
        if controls.context and not (draft.waived or any(map(is_of_situation, criteria))):
            raise Rejected("no_context", "no criterion is about the asker's situation")

    def _provenance(self, draft: _Draft) -> Provenance:
        means = self.means
        spent = [draft.ledger.of(role) for role in (WRITER, POLICY)]
        return Provenance(
            library=means.library.hash,
            library_version=means.library.version,
            writer=draft.written_by,
            writing=means.writing,
            controls=means.controls,
            prompts=means.prompts,
            seed=means.seed,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(sum(one.seconds for one in spent), 3),
            calls=_total(spent, "calls"),
            prompt_tokens=_total(spent, "prompt_tokens"),
            cached_tokens=_total(spent, "cached_tokens"),
            completion_tokens=_total(spent, "completion_tokens"),
            notes=tuple(draft.notes),
        )


def _total(spent: Sequence[Spent], what: str) -> int:
    return sum(getattr(one, what) for one in spent)
