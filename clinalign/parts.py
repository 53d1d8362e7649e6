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
from inference.embedding import Embedder, MemoEmbedder, OnnxEmbedder
from inference.endpoint import Endpoint
from inference.messages import Conversation
from inference.vectors import VectorCache
from mcp_server.client import HealthTools, connected
from mcp_server.server import HealthServer, build_server
from principle_store.chroma import ChromaPrincipleStore
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy
from principle_store.overlay import Overlaid, overlaid
from rubrics.builtin_judge import BuiltinJudge
from rubrics.glossary import Glossaries, load_glossaries
from rubrics.judge import Judge, ModelJudge
from rubrics.model_reading import ModelScenarioReader
from rubrics.reading import ScenarioReader
from rubrics.scenario import BuiltinScenarioReader
from rubrics.scenario_learning import kept, learned
from rubrics.taxonomy import Taxonomy
from rubrics.writer import RubricWriter

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


def open_server(
    settings: Settings, judging: ChatModel | None = None, reading: ChatModel | None = None
) -> HealthServer:
    """The MCP server on the embedded store.

    Args:
        settings: a judge and a reader configured there are used unless they are given.
        judging: judges in place of the built-in judge.
        reading: reads questions in place of the built-in reader.

    Raises:
        ModelError: a configured embedding model gives no vectors.
        StorageError: the data folder cannot be written.
    """
    vectors = open_vectors(settings)
    taxonomy = load_taxonomy()
    judging = judging or _configured(settings.judge)
    judge: Judge = ModelJudge(judging) if judging else BuiltinJudge(vectors.bundled)
    library = open_library(settings, taxonomy).library
    store = ChromaPrincipleStore(library, vectors.questions, vectors.texts)
    reader = open_reader(settings, vectors, reading or _configured(settings.reader))
    return build_server(store, reader, judge)


@dataclass(frozen=True)
class TextToVectors:
    """The embedder, with the memory that suits each use."""

    id: str
    questions: MemoEmbedder
    texts: VectorCache
    """For texts that seldom change: principles and examples."""
    bundled: MemoEmbedder
    """The one that the screening judge was fitted to."""


def open_vectors(settings: Settings) -> TextToVectors:
    """The configured embedder, or the bundled one."""
    embedder: Embedder = OnnxEmbedder()
    questions = bundled = MemoEmbedder(embedder)
    if settings.embeddings:
        # Imported when a server is configured: its libraries take a second to load.
        from inference.served_embedder import ServedEmbedder

        embedder = ServedEmbedder(settings.embeddings)
        questions = MemoEmbedder(embedder)
    cache = VectorCache(embedder, settings.data_dir, LIBRARY_VECTORS)
    return TextToVectors(embedder.id, questions, cache, bundled)


def open_reader(
    settings: Settings, vectors: TextToVectors, chat: ChatModel | None = None
) -> ScenarioReader:
    """The scenario reader: by the model if there is one."""
    taxonomy = load_taxonomy()
    # A served embedding model is taken to know the languages itself.
    glossaries = load_glossaries() if settings.embeddings is None else Glossaries(())
    reader = BuiltinScenarioReader(
        taxonomy,
        glossaries,
        vectors.questions,
        lambda: kept(vectors.id) or learned(taxonomy, glossaries, vectors.texts),
    )
    return ModelScenarioReader(chat, taxonomy, reader) if chat else reader


def open_library(settings: Settings, taxonomy: Taxonomy) -> Overlaid:
    """The library with the configured overlays on it.

    Raises:
        BadInput: a principle or an overlay cannot be used.
    """
    return overlaid(load_library(taxonomy), settings.overlays, taxonomy)


@asynccontextmanager
async def open_reading(settings: Settings) -> AsyncIterator[ScenarioReader]:
    """The scenario reader alone.

    Raises:
        ModelError: a configured model cannot be reached, or is not there.
        StorageError: the data folder cannot be written.
    """
    async with AsyncExitStack() as closing:
        chat = await _chat(settings.reader, closing)
        yield open_reader(settings, open_vectors(settings), chat)


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
        reader = await _chat(settings.reader, closing)
        server = open_server(settings, judge, reader)
        tools = await closing.enter_async_context(connected(server))
        yield Desk(policy or Composer(), RubricWriter(writer), tools)


async def _chat(
    endpoint: Endpoint | None, closing: AsyncExitStack
) -> "OpenAICompatibleChat | None":
    if endpoint is None:
        return None
    chat = await _client(endpoint).connected()
    closing.push_async_callback(chat.aclose)
    return chat


def _configured(endpoint: Endpoint | None) -> ChatModel | None:
    return _client(endpoint) if endpoint else None


def _client(endpoint: Endpoint) -> "OpenAICompatibleChat":
    # Imported when a server is configured: its libraries take a second to load.
    from inference.openai_compatible import OpenAICompatibleChat

    return OpenAICompatibleChat(endpoint)
