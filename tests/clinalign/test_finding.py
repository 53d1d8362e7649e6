import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clinalign.finding import (
    FoundModel,
    Server,
    completed,
    found_endpoint,
    server_of,
    told,
    with_found,
)
from clinalign.model_servers import Said
from clinalign.settings import ROLES, Settings
from inference.endpoint import Endpoint
from tests.fake_server import serving

LOCAL = "http://127.0.0.1:11434/v1"
FOUND = FoundModel(kind="Ollama", base_url=LOCAL, model="qwen3:4b", said=f"qwen3:4b at {LOCAL}")
Talk = Callable[[socket.socket], None]


async def found(within_seconds: float = 5, **ports: int) -> FoundModel | None:
    async with asyncio.timeout(20):
        return await found_endpoint(ports, within_seconds)


def port_of(base_url: str) -> int:
    return int(base_url.rsplit(":", 1)[1].removesuffix("/v1"))


@contextmanager
def telling(said: Mapping[str, Any]) -> Iterator[int]:
    """A server that tells these things at these paths; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(said.get(self.path)).encode()
            self.send_response(200 if self.path in said else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def talking(talk: Talk) -> Iterator[tuple[int, threading.Event]]:
    """A socket that talks as it is told to; gives its port, and whether the talk is over."""
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError), listener.accept()[0] as connection, suppress(OSError):
            talk(connection)
        over.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], over
    over.wait(10)


def listed(*names: str, owner: str = "library") -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "owned_by": owner} for name in names]}


def server(usual: str = "Ollama", **said: Any) -> Server:
    """A server by its replies; `v1_models` for `/v1/models` and so on."""
    return server_of(
        usual, LOCAL, {"/" + path.replace("_", "/"): Said(data) for path, data in said.items()}
    )


async def test_a_server_on_a_usual_port_is_found_with_its_only_model() -> None:
    with serving(models=("Qwen/Qwen3-4B",)) as vllm:
        one = await found(vLLM=port_of(vllm.base_url))

    assert one is not None
    assert one.endpoint == Endpoint(base_url=vllm.base_url, model="Qwen/Qwen3-4B")
    assert one.said == f"Qwen/Qwen3-4B at {vllm.base_url} (vLLM)"


async def test_where_nothing_listens_nothing_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    assert await found(vLLM=port, Ollama=port) is None


async def test_ollama_is_asked_what_is_loaded_and_that_is_taken() -> None:
    said = {
        "/v1/models": listed("gemma3:4b", "nomic-embed-text:latest", "qwen3:4b"),
        "/api/tags": {"models": [{"name": "gemma3:4b"}, {"name": "qwen3:4b"}]},
        "/api/ps": {"models": [{"name": "qwen3:4b"}]},
    }
    with telling(said) as port:
        one = await found(Ollama=port)

    assert one is not None
    assert one.model == "qwen3:4b"
    assert one.said.endswith("(Ollama), the loaded one of 3 models there")


async def test_lm_studio_tells_which_models_embed_and_which_is_loaded() -> None:
    rows = [
        {"id": "text-vectors", "type": "embeddings", "state": "loaded"},
        {"id": "first", "type": "llm", "state": "not-loaded"},
        {"id": "second", "type": "vlm", "state": "loaded"},
    ]
    names = [row["id"] for row in rows]
    said = {"/v1/models": listed(*names, owner="organization_owner")}
    with telling({**said, "/api/v0/models": {"data": rows}}) as port:
        one = await found(**{"LM Studio": port})

    assert one is not None
    assert (one.kind, one.model) == ("LM Studio", "second")


def test_without_a_loaded_one_the_first_that_chats_is_taken() -> None:
    there = server(v1_models=listed("bge-m3:latest", "embeddinggemma:300m", "b:1b", "a:1b"))

    assert [one.name for one in there.usable] == ["b:1b", "a:1b"]


def test_of_a_vllm_with_adapters_the_model_itself_is_taken() -> None:
    rows: list[dict[str, Any]] = [{"id": "mine", "parent": "it"}, {"id": "served", "parent": None}]

    there = server("vLLM", v1_models={"data": [{**row, "owned_by": "vllm"} for row in rows]})

    assert [one.name for one in there.usable] == ["served", "mine"]


def test_llama_cpp_tells_which_of_several_is_loaded() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "one", "owned_by": "llamacpp", "status": {"value": "unloaded"}},
        {"id": "two", "owned_by": "llamacpp", "status": {"value": "loaded"}},
    ]

    assert server("vLLM", v1_models={"data": rows}).usable[0].name == "two"


def test_a_server_that_says_what_it_is_is_called_so_on_any_port() -> None:
    assert server("vLLM", v1_models=listed("m", owner="llamacpp")).kind == "llama.cpp"


@pytest.mark.parametrize(
    "name",
    [
        *("Qwen/Qwen3-Embedding-0.6B", "BAAI/bge-m3", "all-minilm:22m", "intfloat/e5-large"),
        *("Qwen/Qwen3-Reranker-4B", "openai/whisper-large-v3", "Qwen/Qwen3-4B-Base"),
        *("meta-llama/Llama-Guard-3-8B", "gpt-oss:120b-cloud", "glm-5:cloud", "x:cloud:latest"),
    ],
)
def test_a_model_that_does_not_chat_here_is_left_alone(name: str) -> None:
    assert server(v1_models=listed(name)).usable == ()


@pytest.mark.parametrize(
    "name", ["baseten-1b", "cloudy:7b", "Qwen/Qwen3-4B-Instruct-2507", "google/medgemma-4b-it"]
)
def test_a_name_that_only_looks_alike_chats(name: str) -> None:
    assert [one.name for one in server(v1_models=listed(name)).usable] == [name]


def test_a_model_that_ollama_runs_elsewhere_is_left_alone_whatever_its_name() -> None:
    tags = {"models": [{"name": "mine:latest", "remote_host": "https://ollama.com:443"}]}

    there = server(v1_models=listed("mine:latest"), api_tags=tags)

    assert [one.why_not for one in there.offers] == ["runs on another machine"]


def test_a_name_with_control_characters_never_reaches_the_screen() -> None:
    assert server(v1_models=listed("\x1b[2Jm", "m\nn", "x" * 300, "fine")).offers[0].name == "fine"


async def test_a_server_without_a_chat_model_is_told_of_and_not_used(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with telling({"/v1/models": listed("nomic-embed-text:latest")}) as port:
        done = await completed(settings, ports={"Ollama": port})

    assert done.settings == settings
    assert done.said == (
        f"Found http://127.0.0.1:{port}/v1 (Ollama), which has no chat model "
        "(nomic-embed-text:latest embeds or ranks); none is used."
    )


async def test_one_with_a_chat_model_comes_before_one_without() -> None:
    with serving(models=("bge-m3",)) as first, serving(models=("chats",)) as second:
        ports = {"vLLM": port_of(first.base_url), "Ollama": port_of(second.base_url)}
        one = await found(**ports)

    assert one is not None
    assert one.model == "chats"
    assert one.said.endswith(f"; also answering: {first.base_url}")


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):  # until the other side gives up
        pass


def trickling(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    pause = threading.Event()
    while True:  # until the connection is cut
        connection.sendall(b"X-Slow: 1\r\n")
        pause.wait(0.02)


def dying(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"data": [')


def saying(status: str, body: str = "", *headers: str) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        connection.sendall("\r\n".join([*head, "", body]).encode())

    return talk


def babbling(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)


ODD: dict[str, Talk] = {
    "silent": silent,
    "trickling": trickling,
    "dying": dying,
    "no HTTP": babbling,
    "HTML": saying("200 OK", "<html>"),
    "wants a key": saying("401 Unauthorized"),
    "another list": saying("200 OK", '{"data": [{"name": "m"}]}'),
    "odd rows": saying("200 OK", '{"data": [3, null]}'),
    "endless brackets": saying("200 OK", "[" * 100_000),
    "closes at once": lambda connection: None,
}


@pytest.mark.parametrize("manner", ODD)
async def test_what_is_no_model_server_costs_no_more_than_the_wait(manner: str) -> None:
    with talking(ODD[manner]) as (port, over), serving(models=("m",)) as vllm:
        alone = await found(within_seconds=0.3, vLLM=port)
        cut = over.wait(10)

        with talking(ODD[manner]) as (port, _):
            beside = await found(within_seconds=2, vLLM=port, Ollama=port_of(vllm.base_url))

    assert alone is None
    assert cut  # nothing of it goes on behind our back
    assert beside is not None
    assert beside.model == "m"


async def test_neither_a_redirect_nor_a_proxy_leads_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(telling({"/v1/models": listed("of another")}))
        there = f"Location: http://127.0.0.1:{other}/v1/models"
        port, _ = stack.enter_context(talking(saying("307 Temporary Redirect", "", there)))
        own = stack.enter_context(telling({"/v1/models": listed("own")}))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{other}")
        monkeypatch.delenv("no_proxy", raising=False)

        redirected, straight = await found(vLLM=port), await found(vLLM=own)

    assert redirected is None
    assert straight is not None
    assert straight.model == "own"


def test_what_is_found_fills_policy_writer_and_judge_alone(tmp_path: Path) -> None:
    filled = with_found(Settings(data_dir=tmp_path), FOUND)

    has = {role for role in ROLES if getattr(filled, role) == FOUND.endpoint}
    assert has == {"policy", "writer", "judge"}
    assert filled.embeddings is None


def test_what_is_configured_stays(tmp_path: Path) -> None:
    own = Endpoint(base_url="http://judge/v1", model="j")
    settings = Settings(data_dir=tmp_path, judge=own)

    filled = with_found(settings, FOUND)

    assert (filled.judge, filled.policy) == (own, FOUND.endpoint)
    assert told(settings, FOUND) == (
        f"Found qwen3:4b at {LOCAL}; used as policy and writer. "
        "--no-find or CLINALIGN_BASE_URL changes that."
    )


@pytest.mark.parametrize("choice", ["builtin", "client"])
def test_a_judge_that_was_chosen_is_not_replaced(choice: Any, tmp_path: Path) -> None:
    assert with_found(Settings(data_dir=tmp_path, judge_choice=choice), FOUND).judge is None


@pytest.mark.parametrize(("everything", "wanted"), [(False, False), (True, True)])
async def test_nothing_is_asked_where_nothing_is_wanted_or_missing(
    everything: bool, wanted: bool, tmp_path: Path
) -> None:
    own = Endpoint(base_url="http://mine/v1", model="m") if everything else None
    settings = Settings(data_dir=tmp_path, policy=own, writer=own, judge=own)
    asked = threading.Event()
    with talking(lambda connection: asked.set()) as (port, _):
        done = await completed(settings, wanted, {"vLLM": port})
        was_asked = asked.is_set()
        socket.create_connection(("127.0.0.1", port)).close()  # so that the talk ends

    assert not was_asked
    assert done.settings == settings
    assert done.said == ""
