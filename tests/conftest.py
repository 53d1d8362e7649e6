"""What all tests share: the parts of the house, sample data, golden files, a closed network."""

import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from clinalign.desk import Desk, open_desk
from clinalign.models import open_vectors
from clinalign.parts import open_reader, open_server
from clinalign.settings import Settings
from inference.embedding import MemoEmbedder, OnnxEmbedder
from inference.vectors import VectorCache
from mcp_server.server import HealthServer
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from rubrics.taxonomy import Taxonomy

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
SHARED = Path(os.environ.get("CLINALIGN_SHARED_DIR", ROOT.parent / "shared"))
CHROMIUM = shutil.which("chromium")
BROWSER_WANTED = os.environ.get("CLINALIGN_TEST_BROWSER")  # read before tests hide it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-write", action="store_true", help="write the golden files anew")


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every address but this machine's own."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if inet and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test wanted to reach {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no model server that the machine happens to be set up for."""
    for name in os.environ:
        if name.startswith(("CLINALIGN_", "OPENAI_", "HEALTHBENCH_GRADER_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def embedder() -> MemoEmbedder:
    return MemoEmbedder(OnnxEmbedder())


@pytest.fixture(scope="session")
def cached(tmp_path_factory: pytest.TempPathFactory) -> VectorCache:
    """The library's vectors as they are shipped."""
    return VectorCache(OnnxEmbedder(), tmp_path_factory.mktemp("vectors"), LIBRARY_VECTORS)


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


@pytest.fixture(scope="session")
def library(taxonomy: Taxonomy) -> Library:
    return load_library(taxonomy)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: vectors are made once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir)


@pytest.fixture(scope="session")
def reader(settings: Settings) -> ScenarioReader:
    return open_reader(settings, open_vectors(settings))


@pytest.fixture(scope="session")
def server(settings: Settings) -> HealthServer:
    return open_server(settings)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """With nothing configured: the composer, the built-in judge, Chroma, MCP in memory."""
    async with open_desk(settings) as desk:
        yield desk


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium; one a file, since its driver stands in the way of other event loops."""
    if CHROMIUM is None:
        assert not BROWSER_WANTED, "chromium is wanted and not installed"
        pytest.skip("no browser: install Debian's chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_rows() -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a sample file; skips where the samples are not at hand."""

    def rows(name: str) -> list[dict[str, Any]]:
        path = SHARED / "data" / name
        if not path.is_file():
            pytest.skip(f"sample data {path} is absent; set CLINALIGN_SHARED_DIR")
        # On "\n" only: some records hold U+2028.
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]

    return rows


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file under `tests/golden`, or write it with `--golden-write`."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--golden-write"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), (
            f"{name} changed; `make golden` rewrites it"
        )

    return compare
