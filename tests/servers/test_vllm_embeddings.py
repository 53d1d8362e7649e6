"""The library searched with vectors of a model on a real vLLM, random as it is."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clinalign.__main__ import app
from inference.embedding import OnnxEmbedder
from inference.endpoint import Endpoint
from inference.served_embedder import ServedEmbedder
from tests.servers.vllm_server import tiny_vllm

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    python = os.environ.get("CLINALIGN_TEST_SERVE_PYTHON")
    if not python:
        pytest.skip("no Python with vLLM is named; `make test-servers` makes one and names it")
    folder = tmp_path_factory.mktemp("vllm")
    with tiny_vllm(python, folder, embeds=True) as base_url:
        yield Endpoint(base_url=base_url, model="tiny")


def test_a_text_has_the_same_vector_alone_and_among_others(endpoint: Endpoint) -> None:
    embedder = ServedEmbedder(endpoint)

    (alone,) = embedder.embed(["How much paracetamol?"])
    _, among = embedder.embed(["Something else.", "How much paracetamol?"])

    assert alone @ among == pytest.approx(1, abs=1e-3)
    assert embedder.id.startswith("tiny-")


def test_it_takes_the_bundled_embedders_place(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLINALIGN_EMBEDDINGS_BASE_URL", endpoint.base_url)
    monkeypatch.setenv("CLINALIGN_EMBEDDINGS_MODEL", endpoint.model)
    monkeypatch.setattr(OnnxEmbedder, "embed", None)

    said = CliRunner().invoke(app, ["principles", "search", "chest pain", "--json"])

    assert said.exit_code == 0, said.stderr
    assert len(json.loads(said.stdout)["principles"]) == 8
    assert len(list((tmp_path / "vectors").iterdir())) == 2  # of the library and of the examples
