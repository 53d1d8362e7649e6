"""Keeps vectors of texts that seldom change, so that a second start embeds nothing.

The file is a cache: its name is the hash of the texts and the embedder, it appears whole or not at
all, and one that cannot be read is made again.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from inference.embedding import Embedder, Vectors
from inference.errors import StorageError
from inference.whole_files import write_whole


class VectorCache:
    """An embedder that keeps what it embedded in a folder.

    Args:
        embedder: embeds what is not kept.
        folder: where vectors are kept from one start to the next.
        shipped: vectors that came with the program; another embedder's are not used.
    """

    def __init__(
        self, embedder: Embedder, folder: Path, shipped: Traversable | None = None
    ) -> None:
        self._embedder, self._folder = embedder, folder
        self._shipped_file = shipped

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of all texts; only those are embedded that are neither shipped nor kept.

        Raises:
            StorageError: the folder cannot be written.
        """
        new = [text for text in dict.fromkeys(texts) if _hash(text) not in self._shipped]
        vectors = self._kept(new) if new else np.zeros((0, 0), np.float32)
        known = dict(zip(new, vectors, strict=True))
        return np.stack(
            [known[one] if one in known else self._shipped[_hash(one)] for one in texts]
        )

    def _kept(self, texts: Sequence[str]) -> Vectors:
        path = self._folder / "vectors" / f"{self._key(texts)}.npz"
        if (kept := _load(path, len(texts))) is not None:
            return kept
        vectors = self._embedder.embed(texts)
        _save(path, vectors)
        return vectors

    @cached_property
    def _shipped(self) -> Mapping[bytes, Vectors]:
        """Hash of a text -> its vector."""
        if self._shipped_file is None:
            return {}
        with np.load(io.BytesIO(self._shipped_file.read_bytes()), allow_pickle=False) as file:
            if str(file["embedder"]) != self._embedder.id:
                return {}
            vectors = file["vectors"].astype(np.float32)
            return dict(zip(map(bytes, file["hashes"]), vectors, strict=True))

    def _key(self, texts: Sequence[str]) -> str:
        said = json.dumps([self._embedder.id, *texts])
        return hashlib.sha256(said.encode("utf-8")).hexdigest()[:32]


def shippable(embedder: Embedder, texts: Sequence[str]) -> bytes:
    """A file of these texts' vectors, for `VectorCache(shipped=...)`; halves of a float suffice."""
    texts = sorted(set(texts))
    hashes = np.frombuffer(b"".join(map(_hash, texts)), np.uint8).reshape(len(texts), -1)
    vectors = embedder.embed(texts).astype(np.float16)
    file = io.BytesIO()
    np.savez_compressed(file, embedder=np.array(embedder.id), hashes=hashes, vectors=vectors)
    return file.getvalue()


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]


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
        file = io.BytesIO()
        np.savez_compressed(file, vectors=vectors)
        write_whole(path, file.getvalue())
    except OSError as error:
        raise StorageError(
            f"the data folder {path.parent.parent} cannot be written ({error.strerror}); "
            "set CLINALIGN_DATA_DIR to a folder that can"
        ) from error
