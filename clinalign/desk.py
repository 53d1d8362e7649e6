"""From settings to everything that answers a question."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from agent.graph import build_agent, work
from agent.state import Episode, Limits
from clinalign.parts import connected_chat, open_server
from clinalign.settings import Settings
from inference.chat import ChatModel
from inference.composer import Composer
from inference.messages import Conversation
from mcp_server.client import HealthTools, connected
from rubrics.writer import RubricWriter


@dataclass(frozen=True)
class Desk:
    """A policy, a writer and the tools, ready to work on questions."""

    policy: ChatModel
    writer: RubricWriter
    tools: HealthTools

    async def ask(self, conversation: Conversation, limits: Limits) -> Episode:
        agent = build_agent(self.policy, self.writer, self.tools, limits)
        return await work(agent, conversation, limits)


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Everything that answers a question, with the tools called in this process over MCP.

    Raises:
        ModelError: a configured model cannot be reached, or is not there.
        StorageError: the data folder cannot be written.
    """
    async with AsyncExitStack() as closing:
        policy = await connected_chat(settings.policy, closing)
        writer = await connected_chat(settings.writer, closing)
        judge = await connected_chat(settings.judge, closing, bulk=True)
        reader = await connected_chat(settings.reader, closing)
        server = open_server(settings, judge, reader)
        tools = await closing.enter_async_context(connected(server))
        yield Desk(policy or Composer(), RubricWriter(writer), tools)
