"""The two tools, as plain methods: what they take, how they answer, what they refuse.

They know the protocol only by the annotations of their arguments, which become the input schemas:
flat ones, since some clients cannot follow references. See `mcp_server.server` for the protocol.
"""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.words import read
from mcp_server.errors import told_to_caller
from mcp_server.results import FoundPrinciple, Principles, ScoredAnswer
from principle_store.search import PrincipleSearch
from principle_store.store import PrincipleStore, principles_by_id
from principle_store.types import LibraryStamp
from rubrics.judge import Judge
from rubrics.reading import ScenarioReader
from rubrics.scoring import outcome
from rubrics.types import Rubric, Score, Ungraded
from rubrics.writer import ready_rubric

MOST_CRITERIA = 50
MOST_ANSWER_CHARACTERS = 20_000
RETRIEVED = 6  # principles for a rubric that the caller did not give

Question = Annotated[str, Field(strict=True, description="The last user turn, as it was written.")]
Earlier = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "default": [],
            "description": "Earlier turns, oldest first, without the question.",
            "items": {
                "type": "object",
                "properties": {
                    "role": {"type": "string", "enum": ["system", "user", "assistant"]},
                    "content": {"type": "string"},
                },
                "required": ["role", "content"],
                "additionalProperties": False,
            },
        }
    ),
]
Rows = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "default": [],
            "description": "Criteria in HealthBench's shape. Empty: made from `principle_ids`, "
            "or from the principles that fit the question.",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "Default: c1, c2, ... by position."},
                    "criterion": {"type": "string"},
                    "points": {
                        "type": "number",
                        "minimum": -10,
                        "maximum": 10,
                        "description": "Never 0; negative when it is bad if the criterion is met.",
                    },
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "principle_ids": {"type": "array", "items": {"type": "string"}},
                    "critical": {"type": "boolean"},
                },
                "required": ["criterion", "points"],
                "additionalProperties": False,
            },
        }
    ),
]
Ids = Annotated[
    list[Annotated[str, Field(strict=True)]],
    Field(description="Ids from get_health_principles, to make the rubric from."),
]


class HealthToolbox:
    """What the tools need, and the tools."""

    def __init__(self, store: PrincipleStore, reader: ScenarioReader, judge: Judge) -> None:
        self._store, self._reader, self._judge = store, reader, judge
        self._search = PrincipleSearch(store)
        library = store.library
        self._stamp = LibraryStamp(version=library.version, hash=library.hash)

    async def get_health_principles(
        self,
        question: Question,
        conversation: Earlier = [],
        k: Annotated[
            int, Field(strict=True, ge=1, le=20, description="How many principles at most.")
        ] = 8,
        urgency: Annotated[str, Field(strict=True)] = "",
        uncertainty: Annotated[str, Field(strict=True)] = "",
        expertise: Annotated[str, Field(strict=True)] = "",
        task_type: Annotated[str, Field(strict=True)] = "",
    ) -> Principles:
        with told_to_caller():
            asked = _conversation(question, conversation)
            given = {
                "urgency": urgency,
                "uncertainty": uncertainty,
                "expertise": expertise,
                "task_type": task_type,
            }
            reading = await self._reader.read(asked, given)
            found = await self._search.find(reading, k)
            return Principles(
                scenario=reading.scenario.labels,
                language=reading.language,
                principles=tuple(map(FoundPrinciple.of, found)),
                library=self._stamp,
                note=reading.note,
            )

    async def score_against_rubric(
        self,
        question: Question,
        answer: Annotated[str, Field(strict=True, description="The answer to judge.")],
        rubric: Rows = [],
        principle_ids: Ids = [],
        conversation: Earlier = [],
    ) -> ScoredAnswer:
        with told_to_caller():
            asked = _conversation(question, conversation)
            _check_answer(answer)
            criteria = await self._rubric(asked, rubric, principle_ids)
            verdicts = await self._judge.verdicts(asked, answer, criteria)
            found = outcome(criteria, verdicts)
            return ScoredAnswer(
                status="complete" if isinstance(found, Score) else "ungraded",
                score=found if isinstance(found, Score) else None,
                reason=found.reason if isinstance(found, Ungraded) else "",
                rubric=criteria.criteria,
                verdicts=verdicts,
                judge=self._judge.name,
                judge_agreement=self._judge.agreement,
                library=self._stamp,
            )

    async def _rubric(self, asked: Conversation, rows: list[Any], ids: list[str]) -> Rubric:
        if rows and ids:
            raise BadInput("rubric", "either rubric or principle_ids, not both")
        if len(rows) > MOST_CRITERIA:
            raise BadInput("rubric", f"at most {MOST_CRITERIA} criteria", len(rows))
        if rows:
            return Rubric.from_rows(rows)
        if ids:
            principles = principles_by_id(self._store.library, ids)
        else:
            found = await self._search.find(await self._reader.read(asked), RETRIEVED)
            principles = tuple(one.principle for one in found if one.on_topic)
        return ready_rubric([one.ready_criteria() for one in principles])


def _conversation(question: str, earlier: list[Any]) -> Conversation:
    turns = read(tuple[Message, ...], earlier, "conversation")
    messages = [message.model_dump() for message in turns]
    last = {"role": "user", "content": question}
    return read(Conversation, {"messages": [*messages, last]}, "question")


def _check_answer(answer: str) -> None:
    if not answer.strip():
        raise BadInput("answer", "text that is not empty")
    if len(answer) > MOST_ANSWER_CHARACTERS:
        raise BadInput("answer", f"at most {MOST_ANSWER_CHARACTERS:,} characters", len(answer))
