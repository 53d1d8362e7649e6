"""What the tools take: arguments as flat JSON schemas, since some clients follow no references."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from inference.errors import BadInput
from inference.messages import Conversation, Message
from inference.words import read
from mcp_server.grading import VERDICT_SCHEMA
from rubrics.judge import Mode as JudgingMode
from rubrics.types import Rubric

MOST_CRITERIA = 50
MOST_ANSWER_CHARACTERS = 20_000
MOST_SECONDS = 3600

Question = Annotated[str, Field(strict=True, description="The last user turn, as it was written.")]
Answer = Annotated[str, Field(strict=True, description="The answer to judge.")]
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
            "maxItems": MOST_CRITERIA,
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
Verdicts = Annotated[
    list[Any],
    WithJsonSchema(
        {
            "type": "array",
            "default": [],
            "maxItems": MOST_CRITERIA,
            "description": "Your own verdicts, one a criterion, after a result with status "
            "needs_verdicts. Empty: the server's judge decides.",
            "items": VERDICT_SCHEMA,
        }
    ),
]
Count = Annotated[int, Field(strict=True, ge=1, le=20, description="How many principles at most.")]
Known = Annotated[str, Field(strict=True)]
Detail = Annotated[
    Literal["compact", "full"],
    Field(description="full: with rationale, examples, evidence and how sources were checked."),
]
Budget = Annotated[
    float,
    Field(
        strict=True,
        ge=0,
        le=MOST_SECONDS,
        description="Seconds until the call answers with what there is; the rest goes on as a job.",
    ),
]
Mode = Annotated[
    JudgingMode,
    Field(
        description="How a model judges: several criteria a call, one a call, or fast where one "
        "word leaves no doubt. Critical criteria always go alone and first."
    ),
]
JobId = Annotated[str, Field(strict=True, description="Of a result with status partial.")]


def conversation_of(question: str, earlier: list[Any]) -> Conversation:
    """The turns as one conversation.

    Raises:
        BadInput: they are none.
    """
    turns = read(tuple[Message, ...], earlier, "conversation")
    messages = [message.model_dump() for message in turns]
    last = {"role": "user", "content": question}
    return read(Conversation, {"messages": [*messages, last]}, "question")


def checked_answer(answer: str) -> str:
    """The answer.

    Raises:
        BadInput: it is empty or too long.
    """
    if not answer.strip():
        raise BadInput("answer", "text that is not empty")
    if len(answer) > MOST_ANSWER_CHARACTERS:
        raise BadInput("answer", f"at most {MOST_ANSWER_CHARACTERS:,} characters", len(answer))
    return answer


def rubric_of(rows: list[Any], ids: list[str]) -> Rubric | None:
    """The rubric given, if one was.

    Raises:
        BadInput: it cannot be used.
    """
    if rows and ids:
        raise BadInput("rubric", "either rubric or principle_ids, not both")
    if len(rows) > MOST_CRITERIA:
        raise BadInput("rubric", f"at most {MOST_CRITERIA} criteria", len(rows))
    return Rubric.from_rows(rows) if rows else None
