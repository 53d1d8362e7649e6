"""Keeps vectors of texts that seldom change, so that a second start embeds nothing.

The file is a cache: its name is the hash of the texts and the embedder, it appears whole or not at
all, and one that cannot be read is made again.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.embedding import Embedder, Vectors
from inference.errors import StorageError


class VectorCache:
    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder, self._folder = embedder, folder

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of all texts, read if this very list was embedded before.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = self._folder / "vectors" / f"{self._key(texts)}.npz"
        if (kept := _load(path, len(texts))) is not None:
            return kept
        vectors = self._embedder.embed(texts)
        _save(path, vectors)
        return vectors

    def _key(self, texts: Sequence[str]) -> str:
        said = json.dumps([self._embedder.id, *texts])
        return hashlib.sha256(said.encode("utf-8")).hexdigest()[:32]


def _load(path: Path, rows: int) -> Vectors | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            vectors: Vectors = kept["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    usable = vectors.shape[:1] == (rows,) and vectors.dtype == np.float32 and vectors.ndim == 2
    return vectors if usable else None


def _save(path: Path, vectors: Vectors) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as draft:
            np.savez_compressed(draft, vectors=vectors)
        os.replace(draft.name, path)
    except OSError as error:
        raise StorageError(
            f"the data folder {path.parent.parent} cannot be written ({error.strerror}); "
            "set CLINALIGN_DATA_DIR to a folder that can"
        ) from error
