"""From settings to everything that answers a question."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.graph import Agent, Saver, build_agent, work
from agent.state import Episode, Limits, ToolsBy
from agent.tracing import VOCABULARY
from clinalign.parts import connected_chat, open_server
from clinalign.settings import Settings, environment
from inference.chat import ChatModel
from inference.composer import Composer
from inference.errors import BadInput
from inference.messages import Conversation
from inference.span_targets import Where
from inference.spans import recording
from mcp_server.client import HealthTools, connected
from rubrics.writer import WriterOptions

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


@dataclass(frozen=True)
class Desk:
    """A policy, a writer and the tools, ready to work on questions."""

    policy: ChatModel
    writer: ChatModel | None
    tools: HealthTools
    options: WriterOptions
    tools_by: ToolsBy = "graph"
    _made: dict[Limits, Agent] = field(default_factory=dict)

    def agent(
        self,
        limits: Limits,
        saver: Saver | None = None,
        approval: bool = False,
        streams: bool = True,
    ) -> Agent:
        return build_agent(
            self.policy,
            self.writer,
            self.tools,
            limits,
            self.options,
            saver,
            approval,
            self.tools_by,
            streams,
        )

    async def ask(self, conversation: Conversation, limits: Limits) -> Episode:
        return await work(self._plain(limits), conversation, limits)

    def _plain(self, limits: Limits) -> Agent:
        """The graph that keeps nothing; one for all questions, since it takes long to make."""
        if limits not in self._made:
            self._made[limits] = self.agent(limits, streams=False)
        return self._made[limits]


@asynccontextmanager
async def open_desk(
    settings: Settings, remembers: bool = False, many: bool = False
) -> AsyncIterator[Desk]:
    """Everything that answers a question, with the tools called in this process over MCP.

    Args:
        settings: the models.
        remembers: keep a judge model's verdicts, so that none is asked for twice.
        many: questions will be worked on at once, so that a call may cost little.

    Raises:
        BadInput: the tools are to be called by a model, and there is none.
        ModelError: a configured model cannot be reached, or is not there.
        StorageError: the data folder cannot be written.
    """
    async with AsyncExitStack() as closing:
        closing.enter_context(recording(Where.of(environment()), VOCABULARY))
        bulk = many and settings.tools_by == "graph"
        policy = _steady(await connected_chat(settings.policy, closing, bulk))
        writer = _steady(await connected_chat(settings.writer, closing, bulk))
        judge = await connected_chat(settings.judge, closing, bulk=True)
        reader = await connected_chat(settings.reader, closing)
        server = open_server(settings, judge, reader, remembers)
        tools = await closing.enter_async_context(connected(server))
        if settings.tools_by == "model" and policy is None:
            raise BadInput("--tools", "graph, or a model that can call tools", "model")
        yield Desk(policy or Composer(), writer, tools, settings.writing, settings.tools_by)


def _steady(chat: "OpenAICompatibleChat | None") -> ChatModel | None:
    """Asked no more than it can take in, and left alone for a moment when it is gone."""
    if chat is None:
        return None
    # Imported when a server is configured: their libraries take a second to load.
    from inference.breaker import Breaker
    from inference.context import Fitting

    return Breaker(Fitting(chat))
