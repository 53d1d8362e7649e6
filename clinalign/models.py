"""From settings to models: clients of model servers, and embedders. Loads nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinalign.settings import Settings
from inference.embedding import Embedder, MemoEmbedder, OnnxEmbedder
from inference.endpoint import Endpoint
from inference.vectors import VectorCache
from principle_store.loading import LIBRARY_VECTORS

if TYPE_CHECKING:
    from inference.openai_compatible import OpenAICompatibleChat


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


def client(endpoint: Endpoint, bulk: bool = False) -> "OpenAICompatibleChat":
    """A client that has asked nothing yet; `bulk` for roles with very many calls at once."""
    # Imported when a server is configured: their libraries take a second to load.
    from inference.bulk_chat import BulkChat
    from inference.openai_compatible import OpenAICompatibleChat

    return BulkChat(endpoint) if bulk else OpenAICompatibleChat(endpoint)
