"""The servers that this folder's tests talk to over HTTP, each started once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.node import require_node_tools
from tests.conformance.processes import listening


@pytest.fixture(scope="package")
def fixture_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_node_tools()
    folder = tmp_path_factory.mktemp("fixture-server")
    with listening("tests.conformance.fixture_server", folder=folder) as url:
        yield url


@pytest.fixture(scope="package")
def shipped_url(data_dir: Path) -> Iterator[str]:
    require_node_tools()
    with listening("clinalign", "serve", "--http", "127.0.0.1:0", folder=data_dir) as url:
        yield url
