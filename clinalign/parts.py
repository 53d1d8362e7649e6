"""From settings to parts: the one place that knows which part goes where."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.graph import build_agent, work
from agent.state import Episode, Limits
from clinalign.settings import Settings
from inference.chat import ChatModel
from inference.composer import Composer
from inference.embedding import MemoEmbedder, OnnxEmbedder
from inference.endpoint import Endpoint
from inference.messages import Conversation
from inference.vectors import VectorCache
from mcp_server.client import HealthTools, connected
from mcp_server.server import HealthServer, build_server
from principle_store.chroma import ChromaPrincipleStore
from principle_store.loading import load_library, load_taxonomy
from principle_store.overlay import Overlaid, overlaid
from rubrics.builtin_judge import BuiltinJudge
from rubrics.judge import Judge, ModelJudge
from rubrics.scenario import ScenarioReader
from rubrics.taxonomy import Taxonomy
from rubrics.writer import RubricWriter

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


def open_server(settings: Settings, judging: ChatModel | None = None) -> HealthServer:
    """The MCP server on the embedded store, judged by a model if one is given or configured.

    Raises:
        StorageError: the data folder cannot be written.
    """
    model = OnnxEmbedder()
    cached, embedder = VectorCache(model, settings.data_dir), MemoEmbedder(model)
    taxonomy = load_taxonomy()
    if judging is None and settings.judge:
        judging = _client(settings.judge)
    judge: Judge = ModelJudge(judging) if judging else BuiltinJudge(embedder)
    store = ChromaPrincipleStore(open_library(settings, taxonomy).library, embedder, cached)
    return build_server(store, ScenarioReader(taxonomy, embedder, cached), judge)


def open_library(settings: Settings, taxonomy: Taxonomy) -> Overlaid:
    """The library with the configured overlays on it.

    Raises:
        BadInput: a principle or an overlay cannot be used.
    """
    return overlaid(load_library(taxonomy), settings.overlays, taxonomy)


def open_reader(settings: Settings) -> ScenarioReader:
    """The scenario reader alone.

    Raises:
        StorageError: the data folder cannot be written.
    """
    model = OnnxEmbedder()
    return ScenarioReader(load_taxonomy(), model, VectorCache(model, settings.data_dir))


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[HealthTools]:
    """The tools alone, called in this process over MCP.

    Raises:
        StorageError: the data folder cannot be written.
    """
    async with connected(open_server(settings)) as tools:
        yield tools


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
        policy = await _chat(settings.policy, closing)
        writer = await _chat(settings.writer, closing)
        judge = await _chat(settings.judge, closing)
        tools = await closing.enter_async_context(connected(open_server(settings, judge)))
        yield Desk(policy or Composer(), RubricWriter(writer), tools)


async def _chat(
    endpoint: Endpoint | None, closing: AsyncExitStack
) -> "OpenAICompatibleChat | None":
    if endpoint is None:
        return None
    chat = await _client(endpoint).connected()
    closing.push_async_callback(chat.aclose)
    return chat


def _client(endpoint: Endpoint) -> "OpenAICompatibleChat":
    # Imported when a server is configured: its libraries take a second to load.
    from inference.openai_compatible import OpenAICompatibleChat

    return OpenAICompatibleChat(endpoint)
