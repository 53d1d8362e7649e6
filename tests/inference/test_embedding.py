import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inference.embedding import MemoEmbedder, OnnxEmbedder, Vectors
from inference.errors import StorageError
from inference.vectors import VectorCache, shippable
from principle_store.loading import LIBRARY_VECTORS
from principle_store.types import Library

REFERENCE = Path(__file__).parent / "embedding_reference.json"


class CountingEmbedder:
    """A fake: each text's vector is its length; counts what it was asked."""

    id = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.array([[len(text), 0] for text in texts], dtype=np.float32)


def test_the_small_model_agrees_with_the_full_one_on_fifty_sentences() -> None:
    rows = json.loads(REFERENCE.read_text(encoding="utf-8"))
    full = np.array([row["vector"] for row in rows])

    small = OnnxEmbedder().embed([row["text"] for row in rows])

    assert len(rows) == 50
    assert (small * full).sum(axis=1).min() >= 0.98


def test_a_vector_depends_on_its_own_text_alone() -> None:
    embedder = OnnxEmbedder()
    texts = ["No.", "Take one tablet twice a day with food, and never more than four."]

    together, alone = embedder.embed(texts), [embedder.embed([text])[0] for text in texts]

    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_meaning_brings_texts_together() -> None:
    hours, sleep, train = OnnxEmbedder().embed(
        [
            "how many hours should I sleep",
            "Adults need 7-9 hours of sleep per night.",
            "The train leaves from platform two.",
        ]
    )

    assert hours @ sleep > 0.6
    assert hours @ train < 0.2


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="reinstall clinalign"):
        OnnxEmbedder(tmp_path).embed(["text"])


def test_a_remembered_text_is_not_embedded_again() -> None:
    model = CountingEmbedder()
    memo = MemoEmbedder(model, size=2)

    first = memo.embed(["a", "bb", "a"])
    memo.embed(["bb", "ccc"])
    memo.embed(["a"])

    assert first[:, 0].tolist() == [1, 2, 1]
    assert model.asked == ["a", "bb", "ccc", "a"]  # "a" had to make room


def test_a_second_start_reads_vectors_instead_of_making_them(tmp_path: Path) -> None:
    model = CountingEmbedder()
    first = VectorCache(model, tmp_path).embed(["one", "three"])

    second = VectorCache(model, tmp_path).embed(["one", "three"])

    assert model.asked == ["one", "three"]
    assert (first == second).all()


def test_changed_texts_are_embedded_anew(tmp_path: Path) -> None:
    model = CountingEmbedder()
    VectorCache(model, tmp_path).embed(["one"])

    VectorCache(model, tmp_path).embed(["one!"])

    assert model.asked == ["one", "one!"]


@pytest.mark.parametrize("damage", [b"", b"not an archive", b"PK\x03\x04 cut"])
def test_a_damaged_cache_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    model = CountingEmbedder()
    cache = VectorCache(model, tmp_path)
    wanted = cache.embed(["one"])
    (file,) = (tmp_path / "vectors").iterdir()
    file.write_bytes(damage)

    healed = cache.embed(["one"])

    assert (healed == wanted).all()
    assert VectorCache(model, tmp_path).embed(["one"]).tolist() == wanted.tolist()
    assert len(model.asked) == 2


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "a-file"
    file.write_text("", encoding="utf-8")

    with pytest.raises(StorageError, match=r"a-file.*set CLINALIGN_DATA_DIR"):
        VectorCache(CountingEmbedder(), file / "data").embed(["one"])


def test_shipped_vectors_save_the_embedding_and_need_no_folder(tmp_path: Path) -> None:
    shipped, model = tmp_path / "shipped.npz", CountingEmbedder()
    shipped.write_bytes(shippable(CountingEmbedder(), ["one", "three"]))

    vectors = VectorCache(model, tmp_path / "nothing" / "here", shipped).embed(["three", "one"])

    assert vectors[:, 0].tolist() == [5, 3]
    assert model.asked == []
    assert not (tmp_path / "nothing").exists()


def test_a_text_that_was_not_shipped_is_embedded_and_kept(tmp_path: Path) -> None:
    shipped, model = tmp_path / "shipped.npz", CountingEmbedder()
    shipped.write_bytes(shippable(CountingEmbedder(), ["one"]))

    vectors = VectorCache(model, tmp_path, shipped).embed(["one", "three"])

    assert vectors[:, 0].tolist() == [3, 5]
    assert model.asked == ["three"]
    assert len(list((tmp_path / "vectors").iterdir())) == 1


def test_vectors_shipped_for_another_embedder_are_not_used(tmp_path: Path) -> None:
    class Another(CountingEmbedder):
        id = "another"

    shipped, model = tmp_path / "shipped.npz", CountingEmbedder()
    shipped.write_bytes(shippable(Another(), ["one"]))

    VectorCache(model, tmp_path, shipped).embed(["one"])

    assert model.asked == ["one"]


def test_the_shipped_vectors_are_those_of_the_library(library: Library) -> None:
    class Forbidden(OnnxEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise AssertionError("the library has changed: run tools/embed_library.py")

    texts = library.searched_texts()

    assert len(VectorCache(Forbidden(), Path("/nowhere"), LIBRARY_VECTORS).embed(texts))
