"""From settings to parts: what the tools stand on, and the tools. The agent is `clinalign.desk`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from clinalign.models import TextToVectors, client, open_vectors
from clinalign.serving_judges import judges_of
from clinalign.settings import Settings
from inference.chat import ChatModel
from inference.endpoint import Endpoint
from inference.errors import BadInput
from mcp_server.client import HealthTools, connected
from mcp_server.house import House
from mcp_server.server import HealthServer, build_server
from principle_store.chroma import ChromaPrincipleStore
from principle_store.loading import load_library, load_taxonomy
from principle_store.overlay import Overlaid, overlaid
from rubrics.glossary import Glossaries, load_glossaries
from rubrics.model_reading import ModelScenarioReader
from rubrics.reading import ScenarioReader
from rubrics.scenario import BuiltinScenarioReader
from rubrics.scenario_learning import kept, learned
from rubrics.taxonomy import Taxonomy

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


def open_server(
    settings: Settings,
    judging: ChatModel | None = None,
    reading: ChatModel | None = None,
    remembers: bool = False,
) -> HealthServer:
    """The MCP server for use in this process, with a judge of its own.

    Args:
        settings: a judge and a reader configured there are used unless they are given.
        judging: judges in place of the built-in judge.
        reading: reads questions in place of the built-in reader.
        remembers: keep the verdicts of a judge model in the data folder.

    Raises:
        BadInput: the settings leave judging to a client, and there is none.
        ModelError: a configured embedding model gives no vectors.
        StorageError: the data folder cannot be written.
    """
    if settings.judge_choice == "client":
        raise BadInput(
            "CLINALIGN_JUDGE", "auto, builtin, model or distilled; no client can judge here"
        )
    house = open_house(settings, "builtin", judging, reading, remembers)
    return build_server(house, settings.data_dir)


def open_house(
    settings: Settings,
    otherwise: Literal["builtin", "client"],
    judging: ChatModel | None = None,
    reading: ChatModel | None = None,
    remembers: bool = False,
) -> House:
    """What the tools stand on.

    Args:
        settings: what is configured.
        otherwise: who judges if neither a judge nor a choice is configured.
        judging: a model that judges, in place of the configured one.
        reading: a model that reads questions, in place of the configured one.
        remembers: keep the verdicts of a judge model in the data folder.

    Raises:
        BadInput: a principle or an overlay cannot be used.
        ModelError: a configured embedding model gives no vectors.
        StorageError: the data folder cannot be written.
    """
    vectors, closing = open_vectors(settings), AsyncExitStack()
    library = open_library(settings, load_taxonomy()).library
    store = ChromaPrincipleStore(library, vectors.questions, vectors.texts)
    if settings.reader and reading is None:
        reading = client(settings.reader)
        closing.push_async_callback(reading.aclose)
    reader = open_reader(settings, vectors, reading)
    judges = judges_of(settings, otherwise, vectors.bundled, judging, closing, remembers)
    return House.of(store, reader, judges, closing.aclose)


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
        chat = await connected_chat(settings.reader, closing)
        yield open_reader(settings, open_vectors(settings), chat)


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[HealthTools]:
    """The tools alone, called in this process over MCP.

    Raises:
        StorageError: the data folder cannot be written.
    """
    async with connected(open_server(settings)) as tools:
        yield tools


async def connected_chat(
    endpoint: Endpoint | None, closing: AsyncExitStack, bulk: bool = False
) -> "OpenAICompatibleChat | None":
    """The model at an address, once it is known to be there.

    Raises:
        ModelError: it cannot be reached, or is not there.
    """
    if endpoint is None:
        return None
    chat = await client(endpoint, bulk).connected()
    closing.push_async_callback(chat.aclose)
    return chat
