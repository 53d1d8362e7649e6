"""Ways of working that a person picks by name in a client; the texts are in `wording/*.md`."""

from importlib.resources import files
from typing import Annotated

from mcp.server.mcpserver.prompts import Prompt
from pydantic import Field

from inference.templates import fill
from mcp_server.guarded import GuardedServer

WORDING = files("mcp_server") / "wording"

Asked = Annotated[str, Field(description="The health question, as it was asked.")]
Told = Annotated[str, Field(description="The answer to look at.")]


async def draft_critique_revise(question: Asked) -> str:
    return _filled("draft_critique_revise.md", question=question)


async def write_rubric(question: Asked) -> str:
    return _filled("write_rubric.md", question=question)


async def review_answer(question: Asked, answer: Told) -> str:
    return _filled("review_answer.md", question=question, answer=answer)


def add_prompts(server: GuardedServer) -> None:
    """Offer the prompts on a server."""
    for write, title, description in (
        (
            draft_critique_revise,
            "Draft, critique, revise",
            "Answer a health question: find principles, draft, score, revise what was missed.",
        ),
        (
            write_rubric,
            "Write a rubric",
            "Write down what a good answer to a question holds, before there is one.",
        ),
        (
            review_answer,
            "Review an answer",
            "Score an answer to a health question and say what is missing or harmful.",
        ),
    ):
        server.add_prompt(Prompt.from_function(write, title=title, description=description))


def _filled(name: str, **values: str) -> str:
    return fill((WORDING / name).read_text(encoding="utf-8"), **values)
