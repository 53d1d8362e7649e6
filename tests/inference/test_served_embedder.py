"""An embedding model behind an address, on a fake server that gives what it is told to."""

from typing import Any

import numpy as np
import pytest

from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnreachable
from inference.served_embedder import AT_ONCE, ServedEmbedder
from tests.fake_server import FakeServer, serving

GONE = "http://127.0.0.1:9/v1"


def vectors(*rows: Any) -> tuple[int, dict[str, Any]]:
    data = [
        {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return 200, {"object": "list", "model": "e", "data": data[::-1], "usage": usage}


def embedder(fake: FakeServer) -> ServedEmbedder:
    return ServedEmbedder(Endpoint(base_url=fake.base_url, model="e"))


def test_vectors_come_in_order_and_have_length_one() -> None:
    with serving(vectors([3.0, 4.0], [0.0, -2.0])) as fake:
        made = embedder(fake).embed(["a", "b"])

    assert made.tolist() == [pytest.approx([0.6, 0.8]), pytest.approx([0.0, -1.0])]
    assert made.dtype == np.float32
    assert fake.asked[0]["input"] == ["a", "b"]
    assert fake.asked[0]["model"] == "e"


def test_many_texts_are_sent_in_parts() -> None:
    part, rest = vectors(*[[1.0]] * AT_ONCE), vectors([1.0], [1.0])
    with serving(part, rest) as fake:
        made = embedder(fake).embed(["text"] * (AT_ONCE + 2))

    assert made.shape == (AT_ONCE + 2, 1)
    assert [len(one["input"]) for one in fake.asked] == [AT_ONCE, 2]


def test_another_model_of_the_same_name_is_another_embedder() -> None:
    with serving(vectors([1.0, 0.0])) as one, serving(vectors([0.0, 1.0])) as other:
        first, second = embedder(one).id, embedder(other).id

    assert first.startswith("e-")
    assert first != second


@pytest.mark.parametrize(
    "reply",
    [
        vectors([0.0, 0.0]),
        vectors([float("inf"), 1.0]),
        vectors([1.0], [2.0, 3.0]),
        vectors(),
        (200, {"data": "none"}),
        (200, "<html>"),
        (400, {"error": {"message": "this model does not embed"}}),
    ],
    ids=["zero", "infinite", "ragged", "none", "odd", "html", "refused"],
)
def test_useless_vectors_are_an_error_that_repeats_no_text(reply: tuple[int, Any]) -> None:
    with serving(reply) as fake, pytest.raises(ModelError) as told:
        embedder(fake).embed(["SECRET cough"])

    assert fake.base_url in str(told.value)
    assert "SECRET" not in str(told.value)


def test_a_server_that_is_gone_is_named() -> None:
    with pytest.raises(ModelUnreachable, match=r"nothing answers at http://127\.0\.0\.1:9/v1"):
        ServedEmbedder(Endpoint(base_url=GONE, model="e")).embed(["x"])
