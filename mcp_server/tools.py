"""The three tools, as plain methods: what they do with what they are given.

What they take is in `mcp_server.arguments`, what they return in `mcp_server.results`; they know the
protocol only by the context that they tell their progress to. See `mcp_server.server`.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context

from mcp_server.arguments import (
    Answer,
    Budget,
    Count,
    Detail,
    Earlier,
    Ids,
    JobId,
    Known,
    Mode,
    Question,
    Rows,
    Verdicts,
    checked_answer,
    conversation_of,
    rubric_of,
)
from mcp_server.errors import told_to_caller
from mcp_server.house import Entrance
from mcp_server.jobs import JobStore
from mcp_server.results import FoundPrinciple, Principles, ScoredAnswer
from mcp_server.scored import CALLER, NOT_MEASURED, judged
from mcp_server.scoring import Scoring, Wish
from mcp_server.workroom import Told, Workroom
from principle_store.types import LibraryStamp
from rubrics.types import Rubric

REMEMBERED_RUBRICS = 1000


class HealthToolbox:
    """What the tools need, and the tools.

    Args:
        entrance: to the principles and the judge.
        data_dir: where jobs and audit lines are kept.
    """

    def __init__(self, entrance: Entrance, data_dir: Path) -> None:
        self._entrance, self._audit = entrance, data_dir / "audit.jsonl"
        self.workroom = Workroom(entrance, JobStore(data_dir / "jobs.sqlite"))
        self._rubrics: OrderedDict[str, Rubric] = OrderedDict()

    async def get_health_principles(
        self,
        question: Question,
        conversation: Earlier = [],
        k: Count = 8,
        urgency: Known = "",
        uncertainty: Known = "",
        expertise: Known = "",
        task_type: Known = "",
        verbosity: Detail = "compact",
    ) -> Principles:
        with told_to_caller():
            asked = conversation_of(question, conversation)
            given = {
                "urgency": urgency,
                "uncertainty": uncertainty,
                "expertise": expertise,
                "task_type": task_type,
            }
            house = await self._entrance.house()
            reading = await house.reader.read(asked, given)
            raised = house.search.raised(reading)
            found = await house.search.find(reading, k, raised)
            library = house.store.library
            return Principles(
                scenario=reading.scenario.labels,
                language=reading.language,
                principles=tuple(FoundPrinciple.of(one, verbosity) for one in found),
                raised=tuple(raised),
                library=LibraryStamp(version=library.version, hash=library.hash),
                note=reading.note,
            )

    async def score_against_rubric(
        self,
        question: Question,
        answer: Answer,
        context: Context[Any, Any],
        rubric: Rows = [],
        principle_ids: Ids = [],
        verdicts: Verdicts = [],
        conversation: Earlier = [],
        budget_seconds: Budget = 45,
        mode: Mode = "packed",
    ) -> ScoredAnswer:
        with told_to_caller():
            wish = Wish(
                conversation=conversation_of(question, conversation),
                answer=checked_answer(answer),
                rubric=rubric_of(rubric, principle_ids),
                principle_ids=tuple(principle_ids),
                mode=mode,
            )
            if verdicts:
                scored = await self._by_caller(wish, verdicts)
            else:
                scored = await self.workroom.score(wish, budget_seconds, _progress(context))
            return self._remembered(scored)

    async def get_score(
        self, job_id: JobId, context: Context[Any, Any], budget_seconds: Budget = 45
    ) -> ScoredAnswer:
        with told_to_caller():
            scored = await self.workroom.resume(job_id, budget_seconds, _progress(context))
            return self._remembered(scored)

    def rubric(self, id: str) -> Rubric | None:
        """One that a score of this process was made by, if it is still remembered."""
        return self._rubrics.get(id)

    async def _by_caller(self, wish: Wish, verdicts: list[Any]) -> ScoredAnswer:
        # Imported when needed: the server answers its first requests without it.
        from mcp_server.audit import keep_line
        from mcp_server.callers_verdicts import callers_verdicts

        rubric, library = await self.workroom.rubric_for(wish)
        scoring = Scoring(wish.model_copy(update={"rubric": rubric}))
        scoring.judge, scoring.agreement, scoring.library = CALLER, NOT_MEASURED, library
        checked = callers_verdicts(verdicts, wish.conversation.question, wish.answer, rubric)
        scored = judged(scoring, rubric, checked)
        audit_id = await asyncio.to_thread(keep_line, self._audit, scoring.wish, scored)
        return scored.model_copy(update={"audit_id": audit_id})

    def _remembered(self, scored: ScoredAnswer) -> ScoredAnswer:
        if scored.rubric:
            self._rubrics[scored.rubric_id] = Rubric(criteria=scored.rubric)
            self._rubrics.move_to_end(scored.rubric_id)
        while len(self._rubrics) > REMEMBERED_RUBRICS:
            self._rubrics.popitem(last=False)
        return scored


def _progress(context: Context[Any, Any]) -> Told:
    async def told(there: int, expected: int, newest: str) -> None:
        message = f"{there} of {expected} criteria judged; {newest}"
        await context.report_progress(there, expected, message)

    return told
