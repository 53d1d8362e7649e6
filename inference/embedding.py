"""Turns text into vectors: the `Embedder` port and the bundled all-MiniLM-L6-v2.

The model is English; other languages come out near each other only where words are shared.
Source: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0; made by `tools/build_embedder.py`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from inference.errors import StorageError

Vectors = NDArray[np.float32]
"""One row a text, each of length 1, so that a dot product is the cosine."""

BUNDLED = Path(__file__).parent / "embedder"
MOST_TOKENS = 256  # what the model was trained with; later text is not seen
BATCH = 32
MOST_PADDING = 1.5  # the longest text of a batch, in lengths of its shortest


class TextVectors(Protocol):
    """An embedder, or one with a cache before it."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimensions)."""


class Embedder(TextVectors, Protocol):
    @property
    def id(self) -> str:
        """Changes when the vectors would."""


class OnnxEmbedder:
    """all-MiniLM-L6-v2 with int8 weights and float32 arithmetic; 384 dimensions."""

    def __init__(self, folder: Path = BUNDLED) -> None:
        self._folder = folder

    @cached_property
    def id(self) -> str:
        with self._file("model.onnx").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return f"all-MiniLM-L6-v2-int8-{digest[:12]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        encodings = self._tokenizer.encode_batch(list(texts))
        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        for chosen in alike([len(encoding.ids) for encoding in encodings]):
            vectors[chosen] = self._run([encodings[index] for index in chosen])
        return vectors

    def _run(self, encodings: Sequence[Encoding]) -> Vectors:
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(encodings), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._file("tokenizer.json")))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MOST_TOKENS)
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        options = onnxruntime.SessionOptions()
        # Lets the int8 weights become float32 once, at load, instead of in every call.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        # Its threads would spin on after each call and slow down whatever comes next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        model = str(self._file("model.onnx"))
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def _file(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            raise StorageError(f"the embedder's file {path} is missing; reinstall clinalign")
        return path


def alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of similar length: padding costs as much as words do."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH or lengths[place] > MOST_PADDING * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


class MemoEmbedder:
    """An embedder that remembers its latest texts: revisions repeat most of their sentences."""

    def __init__(self, embedder: TextVectors, size: int = 4096) -> None:
        self._embedder, self._size = embedder, size
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known |= zip(new, self._embedder.embed(new), strict=True)
        self._keep(known)
        return np.stack([known[text] for text in texts])

    def _keep(self, known: dict[str, Vectors]) -> None:
        with self._lock:
            for text, vector in known.items():
                self._known[text] = vector
                self._known.move_to_end(text)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
