"""The typed end of the tools, for agent, training and review: one way over every transport."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    TextContent,
    TextResourceContents,
    Tool,
)

from inference.errors import ClinalignError
from inference.messages import Conversation
from inference.words import read
from mcp_server.arguments import MOST_SECONDS
from mcp_server.results import Principles, ScoredAnswer
from principle_store.types import LibraryStamp, Principle
from rubrics.types import Rubric


class Told(Protocol):
    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Hear how many verdicts there are, of how many, and the newest in words."""


class ToolRefused(ClinalignError):
    """The server refused a call, or could not carry it out; the text is the server's."""


class HealthTools:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def get_health_principles(
        self, conversation: Conversation, k: int = 8, labels: Mapping[str, str] | None = None
    ) -> Principles:
        """The scenario and up to `k` principles.

        Raises:
            ToolRefused: the server would not.
        """
        arguments = {**_asked(conversation), "k": k, **(labels or {})}
        return read(Principles, await self._call("get_health_principles", arguments), "principles")

    async def score_against_rubric(
        self,
        conversation: Conversation,
        answer: str,
        rubric: Rubric | None = None,
        principle_ids: Sequence[str] = (),
        told: Told | None = None,
    ) -> ScoredAnswer:
        """Verdicts and score, however long it takes; without a rubric one is made from principles.

        Args:
            conversation: what was asked.
            answer: what is judged.
            rubric: by what.
            principle_ids: or from which principles.
            told: hears of each verdict as it comes.

        Raises:
            ToolRefused: the server would not.
        """
        arguments = {
            **_asked(conversation),
            "answer": answer,
            "rubric": rubric.rows() if rubric else [],
            "principle_ids": list(principle_ids),
            "budget_seconds": MOST_SECONDS,
        }
        said = await self._call("score_against_rubric", arguments, told)
        scored = read(ScoredAnswer, said, "score")
        while scored.status == "partial" and scored.job_id:
            rest = {"job_id": scored.job_id, "budget_seconds": MOST_SECONDS}
            scored = read(ScoredAnswer, await self._call("get_score", rest, told), "score")
        return scored

    async def library(self) -> LibraryStamp:
        """Which library the tools serve."""
        found = await self._page("principles://library")
        return LibraryStamp(version=found["version"], hash=found["hash"])

    async def principle(self, id: str) -> Principle:
        """One principle, whole.

        Raises:
            ToolRefused: the library has none of this id.
        """
        return read(Principle, await self._page(f"principles://{id}"), f"principle {id}")

    async def offered(self) -> Sequence[Tool]:
        """The tools as the server describes them."""
        return (await self._client.list_tools()).tools

    async def called(self, name: str, arguments: dict[str, Any]) -> str:
        """What a tool answers, in words.

        Raises:
            ToolRefused: the server would not.
        """
        return _words(await self._result(name, arguments))

    async def _page(self, uri: str) -> Any:
        try:
            (page,) = (await self._client.read_resource(uri)).contents
        except MCPError as error:
            raise ToolRefused(f"{uri}: {error}") from None
        assert isinstance(page, TextResourceContents)
        return json.loads(page.text)

    async def _call(self, name: str, arguments: dict[str, Any], told: Told | None = None) -> Any:
        return (await self._result(name, arguments, told)).structured_content

    async def _result(
        self, name: str, arguments: dict[str, Any], told: Told | None = None
    ) -> CallToolResult:
        params = CallToolRequestParams(name=name, arguments=arguments)
        # Not `call_tool`: it goes through each result by its schema, which `read` does quicker.
        result = await self._client.session.send_request(
            CallToolRequest(params=params), CallToolResult, progress_callback=told
        )
        if result.is_error:
            raise ToolRefused(_words(result))
        return result


def _words(result: CallToolResult) -> str:
    return " ".join(block.text for block in result.content if isinstance(block, TextContent))


@asynccontextmanager
async def connected(server: MCPServer[Any] | StdioServerParameters) -> AsyncIterator[HealthTools]:
    """The tools of a server in this process, or of one that is started for it."""
    try:
        async with Client(server) as client:
            yield HealthTools(client)
    except BaseExceptionGroup as group:
        raise _innermost(group) from None


def _innermost(error: BaseException) -> BaseException:
    """What was raised while connected: the client's task group wraps it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _asked(conversation: Conversation) -> dict[str, Any]:
    earlier = [message.model_dump() for message in conversation.messages[:-1]]
    return {"question": conversation.question, "conversation": earlier}
