"""The server over HTTP as clients of both revisions meet it: calls, hang-ups, the stop."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client

from mcp_server.door import Door
from mcp_server.guarded import LARGEST_MESSAGE
from mcp_server.http import AddressTaken, listening, serve_http
from tests.conftest import ROOT
from tests.mcp_server.http_kit import (
    HELLO,
    OLD,
    Reply,
    Seen,
    answer,
    call,
    modern,
    posted,
    posted_call,
    read_head,
    read_reply,
    request,
    serving,
    small_server,
    until,
)

TOKEN = "a-token-that-nobody-guesses"

# The stop takes signals, so it needs a process of its own. Its grace is short, to wait for less.
SUBJECT = """
import asyncio, sys
from contextlib import asynccontextmanager
import mcp_server.http
from mcp_server.door import Door
from tests.mcp_server.http_kit import small_server

@asynccontextmanager
async def lifespan(server):
    try:
        yield {}
    finally:
        sys.stderr.write("left properly\\n")

mcp_server.http.GRACE_SECONDS = float(sys.argv[2])
server, _ = small_server(lifespan)
asyncio.run(mcp_server.http.serve_http(server, Door(port=0, token=sys.argv[1])))
"""


async def opened(door: Door) -> dict[str, str]:
    """A session of the revision of 2025-11-25, opened by hand: the headers that name it."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    key = {"Authorization": f"Bearer {door.token}"} if door.token else {}
    welcome = await answer(door, posted(door, json.dumps(hello).encode(), key))
    assert welcome.json()["result"]["protocolVersion"] == OLD
    session = {"Mcp-Session-Id": welcome.headers["mcp-session-id"], "MCP-Protocol-Version": OLD}
    told = await answer(door, posted(door, json.dumps(ready).encode(), session | key))
    assert told.status == 202
    return session | key


def old_call(name: str, arguments: dict[str, Any], id: int | str = 2) -> bytes:
    params = {"name": name, "arguments": arguments, "_meta": {"progressToken": "p"}}
    message = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_sdk_client_of_either_revision_calls_a_tool(
    mode: Literal["auto", "legacy"],
) -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0)) as (_, door), Client(door.url, mode=mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool("echo", {"text": "hello"})

    assert [tool.name for tool in tools.tools] == ["echo", "hang", "take"]
    assert result.structured_content == {"result": "hello"}


async def test_a_stranger_of_the_older_revision_opens_uses_and_ends_a_session() -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        session = await opened(door)
        host = {"Host": f"localhost:{door.port}", "Connection": "close"}
        called = await answer(door, posted(door, old_call("echo", {"text": "hello"}), session))
        ended = await answer(door, request("DELETE", "/mcp", host | session))
        after = await answer(door, posted(door, old_call("echo", {"text": "hello"}), session))

    assert called.headers["content-type"].startswith("text/event-stream")
    assert called.json()["result"]["structuredContent"] == {"result": "hello"}
    assert (ended.status, after.status) == (200, 404)


async def test_other_methods_are_told_which_ones_there_are() -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        host = {"Host": f"localhost:{door.port}", "Connection": "close"}
        reply = await answer(door, request("PUT", "/mcp", host | {"Content-Length": "0"}))

    assert reply.status == 405
    assert reply.headers["allow"] == "GET, POST, DELETE"


async def test_a_client_is_told_in_words_what_was_too_much() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door), Client(door.url) as client:
        with pytest.raises(Exception, match=r"at most 4,194,304 bytes"):
            await client.call_tool("echo", {"text": "x" * LARGEST_MESSAGE})

    assert seen.calls == 0


HANG_UPS = 125  # of each of four kinds


@pytest.mark.parametrize("telling", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("is_old", [False, True], ids=["2026-07-28", "2025-11-25"])
async def test_a_call_ends_within_a_quarter_second_of_its_client(
    is_old: bool, telling: bool
) -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        session = await opened(door) if is_old else {}
        for n in range(HANG_UPS):
            message = call("hang", {"telling": telling}, id=n, progressToken="p")
            asked = (
                posted(door, old_call("hang", {"telling": telling}, n), session)
                if is_old
                else posted_call(door, message)
            )
            await _hang_up_on(door, asked, seen, n + 1, has_head=is_old or telling)
        survivor = await answer(door, posted_call(door, call("echo", {"text": "x"})))

    assert seen.running == seen.cancelled == HANG_UPS
    assert survivor.status == 200


async def _hang_up_on(door: Door, asked: bytes, seen: Seen, count: int, has_head: bool) -> None:
    reader, writer = await asyncio.open_connection(door.host, door.port)
    writer.write(asked)
    await until(lambda: seen.running == count)
    if has_head:
        await read_head(reader)
    writer.close()
    await until(lambda: seen.cancelled == count, seconds=0.25)


async def test_a_session_lives_on_after_a_hang_up_and_hears_nothing_of_the_lost_call() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        session = await opened(door)
        stream, writer = await asyncio.open_connection(door.host, door.port)
        host = {"Host": f"localhost:{door.port}", "Accept": "text/event-stream"}
        writer.write(request("GET", "/mcp", host | session))
        head = await read_head(stream)
        await _hang_up_on(door, posted(door, old_call("hang", {}), session), seen, 1, has_head=True)
        next_one = await answer(door, posted(door, old_call("echo", {"text": "x"}), session))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.read(1), 0.2)
        writer.close()

    assert head[0] == 200
    assert next_one.json()["result"]["structuredContent"] == {"result": "x"}


CLIENTS = 50
CALLS = int(os.environ.get("CLINALIGN_CROSSTALK_CALLS", "20"))  # of each; 200 where there is time


async def test_no_answer_goes_to_another_client() -> None:
    server, seen = small_server()
    wrong: list[str] = []
    async with serving(server, Door(port=0)) as (_, door):
        sessions = [await opened(door) for _ in range(CLIENTS // 2)]

        async def chat(client: int) -> None:
            reader, writer = await asyncio.open_connection(door.host, door.port)
            session = sessions[client] if client < len(sessions) else None
            for n in range(CALLS):
                # The same ids everywhere, and a text that is nobody else's.
                text = f"client {client}, call {n}"
                asked = (
                    posted(door, old_call("echo", {"text": text}, n), session)
                    if session
                    else posted_call(door, call("echo", {"text": text}, n))
                )
                writer.write(asked.replace(b"Connection: close", b"Connection: keep-alive"))
                reply = (await read_reply(reader)).json()
                if (reply["id"], reply["result"]["structuredContent"]["result"]) != (n, text):
                    wrong.append(text)
            writer.close()

        async with anyio.create_task_group() as crowd:
            for client in range(CLIENTS):
                crowd.start_soon(chat, client)

    assert wrong == []
    assert seen.calls == CLIENTS * CALLS


@asynccontextmanager
async def subject(grace_seconds: float = 5.0) -> AsyncIterator[tuple[Process, Door]]:
    command = [sys.executable, "-c", SUBJECT, TOKEN, str(grace_seconds)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
        assert line.startswith("clinalign answers at http://127.0.0.1:")
        yield process, Door(port=int(line.split("/mcp")[0].rpartition(":")[2]), token=TOKEN)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


KEY = {"Authorization": f"Bearer {TOKEN}"}


async def ended(process: Process) -> tuple[int | None, bytes, bytes]:
    with anyio.fail_after(20):
        out, err = await process.communicate()
    return process.returncode, out, err


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
async def test_at_the_stop_running_calls_are_answered_and_new_ones_are_not_taken(
    signal_: signal.Signals,
) -> None:
    async with subject() as (process, door):
        session = await opened(door)
        stream, quiet = await asyncio.open_connection(door.host, door.port)
        host = {"Host": f"localhost:{door.port}", "Accept": "text/event-stream"}
        quiet.write(request("GET", "/mcp", host | session))
        await read_head(stream)
        old, old_writer = await asyncio.open_connection(door.host, door.port)
        old_writer.write(posted(door, old_call("take", {"seconds": 1.5}), session))
        old_head = await read_head(old)
        new, new_writer = await asyncio.open_connection(door.host, door.port)
        new_writer.write(posted_call(door, call("take", {"seconds": 1.5}), KEY))
        await answer(door, posted_call(door, call("echo", {"text": "x"}), KEY))

        process.send_signal(signal_)
        await until_refused(door)
        news = await read_reply(new)
        olds = await old.read()
        code, out, err = await ended(process)
        for writer in (quiet, old_writer, new_writer):
            writer.close()

    assert news.json()["result"]["structuredContent"] == {"result": "done"}
    assert old_head[0] == 200
    assert b'"result":"done"' in olds
    assert (code, out, err) == (0, b"", b"left properly\n")


async def until_refused(door: Door) -> None:
    with anyio.fail_after(5):
        while True:
            try:
                _, writer = await asyncio.open_connection(door.host, door.port)
            except (ConnectionRefusedError, ConnectionResetError):
                return  # reset: it closed between taking the connection and answering it
            writer.close()


async def test_at_the_stop_a_call_without_end_is_ended_and_told_so() -> None:
    async with subject(grace_seconds=0.5) as (process, door):
        session = await opened(door)
        old, old_writer = await asyncio.open_connection(door.host, door.port)
        old_writer.write(posted(door, old_call("hang", {}), session))
        await read_head(old)
        new, new_writer = await asyncio.open_connection(door.host, door.port)
        new_writer.write(posted_call(door, call("hang", {}), KEY))
        await answer(door, posted_call(door, call("echo", {"text": "x"}), KEY))

        process.send_signal(signal.SIGTERM)
        news = await read_reply(new)
        olds = await old.read()
        code, out, err = await ended(process)
        for writer in (old_writer, new_writer):
            writer.close()

    assert news.status == 503
    assert "the server stops; call again" in news.json()["error"]["message"]
    assert olds.endswith(b"0\r\n\r\n")  # the stream ends as streams should
    assert (code, out, err) == (0, b"", b"left properly\n")


async def test_no_log_holds_a_question_or_a_token() -> None:
    async with subject() as (process, door):
        for asked in (
            posted_call(door, call("echo", {"text": "CANARY"}), KEY),
            posted_call(door, call("echo", {"text": ["CANARY"]}), KEY),
            posted_call(door, call("echo", {"CANARY": "CANARY"}), KEY),
            posted_call(door, call("CANARY", {"text": "CANARY"}), KEY),
            posted_call(door, call("echo", {"text": "x"}), {"Authorization": "Bearer CANARY"}),
            posted_call(door, call("echo", {"text": "x"}), KEY | {"Host": "CANARY"}),
            posted_call(door, call("echo", {"text": "x"}), KEY | {"Origin": "http://CANARY"}),
            posted_call(door, call("echo", {"text": "x"}), KEY | {"Mcp-Name": "CANARY"}),
            posted(door, b'{"jsonrpc": "2.0", "id": 1, "method": "CANARY"}', KEY),
            posted(door, b"CANARY", KEY | modern(call("echo", {}))),
            b"CANARY\r\n\r\n",
            request("GET", "/CANARY?CANARY=1", {"Host": f"localhost:{door.port}"} | KEY),
        ):
            await answer(door, asked.replace(b"keep-alive", b"close"))
        process.send_signal(signal.SIGTERM)
        code, out, err = await ended(process)

    assert (code, out) == (0, b"")
    assert b"CANARY" not in err
    assert TOKEN.encode() not in err


ATTEMPTS, AT_ONCE, TEN_MB = 100, 25, 10_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_hundred_attempts_of_ten_megabytes_leave_no_trace_in_memory() -> None:
    async with subject() as (process, door):
        await answer(door, posted_call(door, call("echo", {"text": "x" * 1_000_000}), KEY))
        before = _peak_memory(process.pid)
        replies: list[Reply] = []

        async def attempt(is_declared: bool) -> None:
            reader, writer = await asyncio.open_connection(door.host, door.port)
            length = f"Content-Length: {TEN_MB}" if is_declared else "Transfer-Encoding: chunked"
            head = posted(door, b"", KEY).replace(b"Content-Length: 0", length.encode())
            writer.write(head.replace(b"Connection: close", b"Connection: keep-alive"))
            replies.append(await _told_while_sending(reader, writer, is_declared))
            writer.close()

        for _ in range(ATTEMPTS // AT_ONCE):
            async with anyio.create_task_group() as crowd:
                for n in range(AT_ONCE):
                    crowd.start_soon(attempt, n % 2 == 0)
        after = _peak_memory(process.pid)

    assert [reply.status for reply in replies] == [413] * ATTEMPTS
    assert after - before <= 50_000_000


async def _told_while_sending(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_declared: bool
) -> Reply:
    part = b"x" * 100_000
    framed = part if is_declared else b"%x\r\n%s\r\n" % (len(part), part)
    for _ in range(TEN_MB // len(part)):
        writer.write(framed)
        await writer.drain()
    if not is_declared:
        writer.write(b"0\r\n\r\n")
    return await read_reply(reader)


def _peak_memory(pid: int) -> int:
    """The most that the process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


async def test_a_port_that_is_taken_is_one_clear_error() -> None:
    server, _ = small_server()
    with listening(Door(port=0)) as first:
        port = first.getsockname()[1]

        with pytest.raises(AddressTaken, match=rf"cannot listen at 127\.0\.0\.1:{port}.*another"):
            await serve_http(server, Door(port=port))


async def test_an_address_that_does_not_exist_is_one_clear_error() -> None:
    server, _ = small_server()

    with pytest.raises(AddressTaken, match=r"203\.0\.113\.7"):
        await serve_http(server, Door(host="203.0.113.7", port=0, token=TOKEN))
