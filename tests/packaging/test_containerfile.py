"""The container's file, as far as it can be tried without an engine that builds it."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools import build_bundle

FILE = ROOT / "packaging" / "Containerfile"
PORT = "8765"


def steps() -> list[tuple[str, str]]:
    """The file's instructions in order, each on one line."""
    text = FILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.split("\n")]
    return [
        (line.split()[0], line.split(None, 1)[1]) for line in lines if line[:1] not in ("", "#")
    ]


def said(instruction: str) -> list[str]:
    return [rest for name, rest in steps() if name == instruction]


def copied() -> list[str]:
    """What is taken from the project into the image."""
    return [
        source
        for rest in said("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


def command(port: str) -> list[str]:
    """What the container runs, by this interpreter and on another port."""
    name, *arguments = json.loads(said("CMD")[0])
    assert name == "clinalign"
    return [sys.executable, "-m", "clinalign", *(one.replace(PORT, port) for one in arguments)]


def environment(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "CLINALIGN_DATA_DIR": str(home)}


@pytest.fixture
def port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def container(port: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command(port),
        cwd=ROOT,
        env=environment(tmp_path) | {"CLINALIGN_SERVE_TOKEN": "a-token-of-this-test"},
    )
    yield process
    process.kill()
    process.wait()


def test_it_copies_every_package_and_only_what_there_is() -> None:
    packages = build_bundle.project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert set(packages) <= {source.removeprefix("./") for source in copied()}
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    ignored = (FILE.parent / "Containerfile.dockerignore").read_text(encoding="utf-8")
    lines = [line for line in ignored.splitlines() if line and not line.startswith("#")]

    assert lines[0] == "*"
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(copied())


def test_it_does_not_run_as_root_and_keeps_its_data_in_a_volume() -> None:
    names = [name for name, _ in steps()]

    assert said("USER") == ["10001"]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")
    assert said("VOLUME") == ["/data"]
    assert any("CLINALIGN_DATA_DIR=/data" in rest for rest in said("ENV"))


def test_no_token_is_written_into_the_image() -> None:
    assert not any("TOKEN" in rest or "KEY" in rest for rest in said("ENV") + said("ARG"))


def test_its_command_does_not_start_without_a_token(port: str, tmp_path: Path) -> None:
    done = subprocess.run(
        command(port),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode != 0
    assert "token" in done.stderr


def test_its_command_answers_its_own_health_check(
    container: subprocess.Popen[bytes], port: str
) -> None:
    check = re.search(r"CMD (\[.*\])", said("HEALTHCHECK")[0])
    assert check is not None
    _, *arguments = json.loads(check[1])
    asked = [sys.executable, *(one.replace(PORT, port) for one in arguments)]
    deadline = time.monotonic() + 60

    while subprocess.run(asked, capture_output=True, timeout=30).returncode != 0:
        assert container.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it never became healthy"

    assert container.poll() is None
