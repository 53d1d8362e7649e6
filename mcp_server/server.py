"""The MCP server: what it offers, under which names and in which words.

Source: Model Context Protocol, revisions 2025-11-25 and 2026-07-28, both answered by the SDK.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.apps import Apps
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, InputRequiredResult, TextContent, Tool, ToolAnnotations

from mcp_server.guarded import GuardedServer
from mcp_server.house import Entrance, House
from mcp_server.prompts import add_prompts
from mcp_server.remembered import Remembered
from mcp_server.resources import add_resources
from mcp_server.tools import HealthToolbox
from rubrics.taxonomy import Taxonomy

FINDER = "get_health_principles"
CARD = "ui://clinalign/score-card.html"
SOON, AT_LAST = 0.05, 1.0  # seconds after the tools were listed, or after the start

INSTRUCTIONS = """\
Sourced clinical principles for answering health questions, and scores of answers against rubrics.
Before you answer a health question, call get_health_principles and follow the guidance that fits.
After drafting, call score_against_rubric, revise what was missed, and score again.
A score with status needs_verdicts wants you to judge: follow its packet and call again.
A score with status partial goes on in the background: call get_score with its job_id.
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
lower and upper bounds. With status needs_verdicts, judge by the packet and call again with
verdicts; with status partial, call get_score with the job_id."""

REST = """\
Get the rest of a score that was partial. Waits for it up to budget_seconds. Jobs are kept for a
day and survive a restart of the server."""

QUIET = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
# The judge may be a model server somewhere else.
JUDGING = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)


class HealthServer(GuardedServer):
    """The server with its tools, resources and prompts, ready for any transport.

    Args:
        entrance: to the principles and the judge.
        taxonomy: its values go into the schemas.
        data_dir: where jobs and audit lines are kept.
        version: of the library.
    """

    def __init__(
        self, entrance: Entrance, taxonomy: Taxonomy, data_dir: Path, version: str
    ) -> None:
        apps = Apps()
        card = (files("mcp_server") / "app" / "score_card.html").read_text(encoding="utf-8")
        apps.add_html_resource(
            CARD, card, name="score-card", title="Score card", prefers_border=True
        )
        super().__init__(
            "clinalign",
            title="clinalign: clinical principles and rubric scores",
            instructions=INSTRUCTIONS,
            version=version,
            extensions=[apps],
            lifespan=self._open,
        )
        self._entrance, self._connections = entrance, 0
        self._tools = HealthToolbox(entrance, data_dir)
        self._found = Remembered(lambda found: not found["note"])  # a note tells of a failure
        self._add_tools(taxonomy)
        add_resources(self, entrance, taxonomy, self._tools.rubric)
        add_prompts(self)

    async def list_tools(self) -> list[Tool]:
        asyncio.get_running_loop().call_later(SOON, self._entrance.warm_up)
        return await super().list_tools()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        call = partial(self._called, name, arguments, context)
        return await (self._found.of(arguments, call) if name == FINDER else call())

    async def _called(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        return _terse(await super().call_tool(name, arguments, context))

    def _add_tools(self, taxonomy: Taxonomy) -> None:
        self.add_tool(
            self._tools.get_health_principles,
            title="Find health principles",
            description=FIND,
            annotations=QUIET,
        )
        ui = {"ui": {"resourceUri": CARD}}
        self.add_tool(
            self._tools.score_against_rubric,
            title="Score an answer",
            description=SCORE,
            annotations=JUDGING,
            meta=ui,
        )
        self.add_tool(
            self._tools.get_score,
            title="Get the rest of a score",
            description=REST,
            annotations=JUDGING,
            meta=ui,
        )
        self._name_the_values(taxonomy)

    def _name_the_values(self, taxonomy: Taxonomy) -> None:
        """Put the taxonomy's values into the schema: the file decides what they are."""
        tool = self._tool_manager.get_tool(FINDER)
        assert tool is not None
        arguments = tool.parameters["properties"]
        for dimension in taxonomy.dimensions:
            if dimension.name in arguments:
                arguments[dimension.name] |= {
                    "enum": ["", *dimension.values],
                    "description": f"Known {dimension.name}; empty: read from the question.",
                }

    @asynccontextmanager
    async def _open(self, _: MCPServer[Any]) -> AsyncIterator[None]:
        """While somebody is connected; judging in the background ends with the last one."""
        warming = asyncio.get_running_loop().call_later(AT_LAST, self._entrance.warm_up)
        self._connections += 1
        try:
            yield
        finally:
            warming.cancel()
            self._connections -= 1
            if not self._connections:
                await self._tools.workroom.close()
                await self._entrance.close()


def build_server(house: House, data_dir: Path) -> HealthServer:
    """The server of a house that is open already."""
    version = house.store.library.version
    return HealthServer(Entrance(lambda: house), house.reader.taxonomy, data_dir, version)


def _terse(result: CallToolResult | InputRequiredResult) -> CallToolResult | InputRequiredResult:
    """Its text without the spaces for the eye: models read it, and they pay for each."""
    if not isinstance(result, CallToolResult) or result.structured_content is None:
        return result
    text = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    return result.model_copy(update={"content": [TextContent(type="text", text=text)]})
