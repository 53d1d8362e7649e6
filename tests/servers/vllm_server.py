"""Starts a real vLLM on the CPU with a tiny model of random weights, and stops it again."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

STARTS_WITHIN_SECONDS = 300.0
QUIET = {
    "VLLM_CPU_KVCACHE_SPACE": "2",
    "VLLM_SERVER_DEV_MODE": "1",  # for resetting its cache
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TORCHDYNAMO_DISABLE": "1",  # or the first sampled request compiles for half a minute
}


EMBEDDING = ["--runner", "pooling", "--convert", "embed"]
Asked = dict[str, Any]
FIRST_EMBEDDING: tuple[str, Asked] = ("/embeddings", {"input": ["x"]})
FIRST_CHAT: tuple[str, Asked] = (
    "/chat/completions",
    {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1},
)


@contextmanager
def tiny_vllm(
    python: str,
    folder: Path,
    embeds: bool = False,
    shape: Sequence[str] = (),
    model: Path | None = None,
) -> Iterator[str]:
    """The base URL of a server that has answered once. Its log is in the folder.

    Args:
        python: an interpreter that has vLLM.
        folder: for the model and the log.
        embeds: whether the server gives vectors instead of words.
        shape: options for `tools/build_tiny_model.py`, for a model that is less tiny.
        model: a folder of one that is there already.
    """
    if model is None:
        model = folder / "tiny"
        build = [python, str(ROOT / "tools" / "build_tiny_model.py"), str(model)]
        build += shape
        subprocess.run(build, check=True, capture_output=True, timeout=120)
    port = _free_port()
    with (folder / "vllm.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            _command(python, model, port) + (EMBEDDING if embeds else []),
            env={**os.environ, **QUIET},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            base_url = f"http://127.0.0.1:{port}/v1"
            first = FIRST_EMBEDDING if embeds else FIRST_CHAT
            _wait(base_url + first[0], first[1], process, folder / "vllm.log")
            yield base_url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            _reap(process)


def _command(python: str, model: Path, port: int) -> list[str]:
    # What `vllm serve` runs; that command itself looks for a distribution named vllm.
    structured = {"backend": "guidance", "disable_any_whitespace": True}
    return [
        *(python, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(model), "--served-model-name", "tiny"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--dtype", "float32", "--max-model-len", "16384", "--enforce-eager"),
        *("--structured-outputs-config", json.dumps(structured)),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    ]


def _wait(url: str, asked: Asked, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until one request is answered: a healthy server may still die of its first request."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url, asked):
            return
        pause.wait(0.5)
    raise AssertionError(f"vLLM did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


def _answers(url: str, asked: Asked) -> bool:
    body = json.dumps({"model": "tiny", **asked}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
