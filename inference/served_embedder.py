"""An embedder behind an OpenAI-compatible address, such as a multilingual model on vLLM."""

import hashlib
import weakref
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import openai

from inference.connections import trust
from inference.embedding import Vectors
from inference.endpoint import Endpoint
from inference.errors import ModelError
from inference.server_errors import told

AT_ONCE = 128  # texts a call
PROBE = "How much paracetamol may an adult take in a day?"


class ServedEmbedder:
    """Embeds at an endpoint that has a model's name. Vectors are scaled to length 1."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @cached_property
    def id(self) -> str:
        """The model's name and a hash of one vector: another model of that name is another id."""
        figures = np.round(self.embed([PROBE]), 2).astype(np.float32).tobytes()
        return f"{self.endpoint.model}-{hashlib.sha256(figures).hexdigest()[:12]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimensions).

        Raises:
            ModelError: the server cannot be reached, or gives no usable vectors.
        """
        parts = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
        return np.vstack([self._asked(list(part)) for part in parts])

    def _asked(self, texts: list[str]) -> Vectors:
        try:
            said = self._client.embeddings.create(
                model=self.endpoint.model, input=texts, encoding_format="float"
            )
            rows = {one.index: one.embedding for one in said.data}
            if len(rows) != len(texts):
                raise self._useless(len(texts))
            vectors = np.array([rows[index] for index in range(len(texts))], dtype=np.float32)
        except openai.OpenAIError as error:
            raise told(error, self.endpoint) from error
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._useless(len(texts)) from None
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        if vectors.ndim != 2 or not (np.isfinite(lengths).all() and lengths.all()):
            raise self._useless(len(texts))
        scaled: Vectors = vectors / lengths
        return scaled

    def _useless(self, count: int) -> ModelError:
        return ModelError(
            f"{self.endpoint.base_url} gave no usable vectors for {count} texts; expected one of "
            f"finite numbers for each: is {self.endpoint.model!r} an embedding model?"
        )

    @cached_property
    def _client(self) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(
            follow_redirects=False, trust_env=not self.endpoint.is_here, verify=trust()
        )
        weakref.finalize(self, http.close)  # a client handed over is not closed by the library
        return openai.OpenAI(
            base_url=self.endpoint.base_url,
            api_key=self.endpoint.api_key,
            timeout=self.endpoint.longest_wait_seconds,
            max_retries=2,
            http_client=http,
        )
