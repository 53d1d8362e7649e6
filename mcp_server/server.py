"""The MCP server: registers the tools and keeps callers' values out of error texts.

Source: Model Context Protocol, revisions 2025-11-25 and 2026-07-28, both answered by the SDK.
"""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ValidationError

from inference.errors import BadInput
from mcp_server.errors import argument_error
from mcp_server.tools import HealthToolbox
from principle_store.store import PrincipleStore
from rubrics.judge import Judge
from rubrics.reading import ScenarioReader
from rubrics.taxonomy import Taxonomy

INSTRUCTIONS = """\
Sourced clinical principles for answering health questions, and scores of answers against rubrics.
Before you answer a health question, call get_health_principles and follow the guidance that fits.
After drafting, call score_against_rubric, revise what was missed, and score again.
For people who write, judge and study answers. It does not diagnose, and it replaces no clinician.
No clinician has reviewed the principles yet: their status is "drafted"."""

FIND = """\
Find the clinical principles that belong to a health question. Returns the scenario (urgency,
uncertainty, expertise, task type, and where each label came from) and up to k principles with their
guidance, ready criteria with points, and sources. The question may be in many languages. Principles
with on_topic false are about something else and only fill up to k."""

SCORE = """\
Score an answer to a health question against a rubric. Returns a verdict for each criterion (MET,
UNMET, ABSTAIN, ERROR, NOT_APPLICABLE) with explanation and quote, and the points they add up to.
A criterion that could not be judged is never counted as unmet: the fraction is null then, with
lower and upper bounds."""


class HealthServer(MCPServer[Any]):
    """An SDK server that refuses unknown arguments and never repeats a caller's value."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        self._refuse_unknown(name, arguments)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise argument_error(error.__cause__) from error
            raise

    def _refuse_unknown(self, name: str, arguments: dict[str, Any]) -> None:
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            return
        known = tool.parameters["properties"]
        if set(arguments) - set(known):
            expected = BadInput("arguments", f"only {', '.join(known)}")
            raise ToolError(expected.without_values())


def build_server(store: PrincipleStore, reader: ScenarioReader, judge: Judge) -> HealthServer:
    """The server with its two tools, ready for any transport."""
    server = HealthServer(
        "clinalign",
        title="clinalign: clinical principles and rubric scores",
        instructions=INSTRUCTIONS,
        version=store.library.version,
        log_level="WARNING",
    )
    tools = HealthToolbox(store, reader, judge)
    quiet = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    server.add_tool(
        tools.get_health_principles,
        title="Find health principles",
        description=FIND,
        annotations=quiet,
    )
    server.add_tool(
        tools.score_against_rubric,
        title="Score an answer",
        description=SCORE,
        # The judge may be a model server somewhere else.
        annotations=ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=True
        ),
    )
    _name_the_values(server, reader.taxonomy)
    return server


def _name_the_values(server: MCPServer[Any], taxonomy: Taxonomy) -> None:
    """Put the taxonomy's values into the schema: the file decides what they are, not the code."""
    tool = server._tool_manager.get_tool("get_health_principles")
    assert tool is not None
    arguments = tool.parameters["properties"]
    for dimension in taxonomy.dimensions:
        if dimension.name in arguments:
            arguments[dimension.name] |= {
                "enum": ["", *dimension.values],
                "description": f"Known {dimension.name}; empty: read from the question.",
            }
