"""Who may come in over HTTP, with how much, and how often: raw sockets against our guards."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from inference.errors import BadInput
from mcp_server.door import Door
from mcp_server.guarded import LARGEST_MESSAGE
from mcp_server.http import AddressTaken, listening
from mcp_server.http_guards import LARGE_BODIES, client_of
from mcp_server.rate_limit import RateLimit
from tests.mcp_server.http_kit import (
    BOTH,
    HELLO,
    Reply,
    answer,
    call,
    modern,
    posted,
    posted_call,
    read_reply,
    request,
    serving,
    small_server,
)

TOKEN = "a-token-that-nobody-guesses"
ECHO = call("echo", {"text": "CANARY"})


def foreign_hosts(port: int) -> list[str]:
    names = ["evil.example", "localhost.", "localhost.evil.example", "127.0.0.1.nip.io", "127.1"]
    names += ["0x7f000001", "2130706433", "127.0.0.2", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"]
    names += ["[0:0:0:0:0:0:0:1]", "me@localhost", "localhost@evil.example", "localhos", "[::1%lo]"]
    named = [f"{name}:{port}" for name in names] + ["localhost", "127.0.0.1", "[::1]", "::1", ""]
    return [*named, f"localhost:{port + 1}", f"127.0.0.1:{port}0", f"localhost:{port},evil.example"]


def foreign_origins(port: int) -> list[str]:
    return [
        "null",
        "",
        "*",
        "https://evil.example",
        f"http://evil.example:{port}",
        f"http://localhost:{port + 1}",
        f"http://127.0.0.1:{port + 1}",
        f"http://[::1]:{port + 1}",
        "http://localhost",
        "http://127.0.0.1:3000",
        f"https://localhost:{port}",
        f"http://localhost:{port}/",
        f"http://localhost.:{port}",
        f"http://localhost:{port}.evil.example",
        f"http://me@localhost:{port}",
        f"HTTP://LOCALHOST:{port}",
        "file://",
        "chrome-extension://abcdefgh",
    ]


def ways_to_ask(headers: dict[str, str]) -> Iterator[bytes]:
    """A call of either revision, the opening of a stream, the end of a session."""
    bodies = [(ECHO, modern(ECHO)), (_frame("initialize", HELLO), {})]
    for message, also in bodies:
        body = json.dumps(message).encode()
        kind = {"Content-Type": "application/json", "Accept": BOTH, "Connection": "close"}
        yield request("POST", "/mcp", headers | kind | also | _length(body)) + body
    yield request("GET", "/mcp", headers | {"Accept": BOTH, "Connection": "close"})
    yield request("DELETE", "/mcp", headers | {"Mcp-Session-Id": "x", "Connection": "close"})
    yield request("GET", "/health", headers | {"Connection": "close"})


def _frame(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def _length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}


async def test_foreign_hosts_and_origins_reach_no_tool_and_own_ones_do() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        here = f"localhost:{door.port}"
        wrong_hosts = [
            await answer(door, said)
            for host in foreign_hosts(door.port)
            for said in ways_to_ask({"Host": host})
        ]
        wrong_origins = [
            await answer(door, said)
            for origin in foreign_origins(door.port)
            for said in ways_to_ask({"Host": here, "Origin": origin})
        ]
        calls_of_the_refused = seen.calls
        own = [
            await answer(door, posted_call(door, ECHO, {"Host": host} | origin))
            for host in (here, here.upper(), f"127.0.0.1:{door.port}", f"[::1]:{door.port}")
            for origin in ({}, {"Origin": f"http://{here}"}, {"Origin": door.url[:-4]})
        ]

    assert len(wrong_hosts) + len(wrong_origins) + len(own) >= 200
    assert {reply.status for reply in wrong_hosts} == {421}
    assert {reply.status for reply in wrong_origins} == {403}
    assert calls_of_the_refused == 0
    assert {reply.status for reply in own} == {200}
    assert seen.calls == len(own)
    assert not any(b"evil" in reply.body for reply in wrong_hosts + wrong_origins)


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
async def test_a_request_without_exactly_one_host_is_refused(hosts: list[str]) -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        body = json.dumps(ECHO).encode()
        also = {"Content-Type": "application/json", "Accept": BOTH} | modern(ECHO) | _length(body)
        lines = [f"Host: {host}:{door.port}" for host in hosts]
        lines += [f"{name}: {value}" for name, value in also.items()]
        head = "\r\n".join(["POST /mcp HTTP/1.1", *lines, "", ""])
        reply = await answer(door, head.encode() + body)
        old = await answer(door, head.replace("HTTP/1.1", "HTTP/1.0").encode() + body)

    assert reply.status == 400  # what HTTP itself asks for
    assert old.status in (400, 421)
    assert seen.calls == 0


async def test_another_target_than_our_paths_is_not_found() -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        host = {"Host": f"localhost:{door.port}", "Connection": "close"}
        statuses = [
            (await answer(door, request("GET", path, host))).status
            for path in ("/", "/mcp/", "/sse", "/messages/", "/docs", "http://evil.example/mcp")
        ]

    assert set(statuses) == {404}


async def test_it_listens_at_its_address_alone() -> None:
    server, _ = small_server()
    async with serving(server, Door(host="localhost", port=0)) as (running, door):
        (listener,) = running.servers[0].sockets

        assert listener.getsockname() == ("127.0.0.1", door.port)


async def test_it_listens_at_an_ipv6_address_alone() -> None:
    server, seen = small_server()
    try:
        listening(Door(host="::1", port=0)).__enter__().close()
    except AddressTaken:
        pytest.skip("this machine has no IPv6")
    async with serving(server, Door.of("[::1]:0")) as (running, door):
        reply = await answer(door, posted_call(door, ECHO, {"Host": f"[::1]:{door.port}"}))
        (listener,) = running.servers[0].sockets
        address = listener.getsockname()[:2]

    assert address == ("::1", door.port)
    assert (reply.status, seen.calls) == (200, 1)
    assert door.url == f"http://[::1]:{door.port}/mcp"


async def test_named_hosts_and_origins_are_let_in_and_a_page_may_read_the_answer() -> None:
    server, seen = small_server()
    named = Door(port=0, hosts=("mcp.example.org",), origins=("https://app.example.org",))
    page = {"Host": "mcp.example.org", "Origin": "https://app.example.org"}
    async with serving(server, named) as (_, door):
        asked = {"Access-Control-Request-Method": "POST", "Connection": "close"}
        allowed = await answer(door, request("OPTIONS", "/mcp", page | asked))
        reply = await answer(door, posted_call(door, ECHO, page))

    assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
    assert (reply.status, seen.calls) == (200, 1)
    assert reply.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-credentials" not in reply.headers


async def test_without_the_token_nothing_but_health_is_answered() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0, token=TOKEN)) as (_, door):
        replies = [
            await answer(door, posted_call(door, ECHO, headers))
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": f"Basic {TOKEN}"},
                {"Authorization": f"Bearer {TOKEN}x"},
                {"Authorization": "Bearer \xe9\xff"},
                {"Authorization": "Bearer "},
            )
        ]
        health = await answer(
            door,
            request("GET", "/health", {"Host": f"localhost:{door.port}"} | {"Connection": "close"}),
        )
        calls = seen.calls
        let_in = await answer(door, posted_call(door, ECHO, {"Authorization": f"Bearer {TOKEN}"}))

    assert {reply.status for reply in replies} == {401}
    assert all(reply.headers["www-authenticate"].startswith("Bearer") for reply in replies)
    assert calls == 0
    assert health.json() == {"status": "ok", "server": "small", "version": "1.2.3"}
    assert (let_in.status, seen.calls) == (200, 1)
    assert not any(TOKEN.encode() in reply.body for reply in [*replies, health, let_in])


async def test_the_token_is_asked_for_before_the_body_is_read() -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0, token=TOKEN)) as (_, door):
        head = posted(door, b"", {"Content-Length": "1000"})

        assert (await answer(door, head)).status == 401


def chunked(parts: int) -> list[bytes]:
    part = b"x" * 100_000
    return [b"%x\r\n%s\r\n" % (len(part), part)] * parts + [b"0\r\n\r\n"]


async def test_a_body_that_is_too_large_is_refused_declared_or_not() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        declared = await answer(
            door, posted(door, b"", {"Content-Length": str(LARGEST_MESSAGE + 1)})
        )
        plain = posted(door, b"", {"Transfer-Encoding": "chunked"}).replace(
            b"Content-Length: 0\r\n", b""
        )
        streamed = await answer(door, plain, *chunked(1 + LARGEST_MESSAGE // 100_000))

    assert (declared.status, streamed.status) == (413, 413)
    assert "at most 4,194,304 bytes" in declared.json()["error"]["message"]
    assert seen.calls == 0


async def test_a_body_just_small_enough_is_answered() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        room = LARGEST_MESSAGE - len(json.dumps(call("echo", {"text": ""})))
        reply = await answer(door, posted_call(door, call("echo", {"text": "x" * room})))

    assert reply.status == 200
    assert len(seen.texts[0]) == room


async def test_many_slow_large_bodies_leave_room_for_small_ones() -> None:
    server, _ = small_server()
    async with serving(server, Door(port=0)) as (_, door):
        slow = []
        for _ in range(2 * LARGE_BODIES):
            _, writer = await asyncio.open_connection(door.host, door.port)
            writer.write(posted(door, b"x" * 200_000, {"Content-Length": "1000000"}))
            slow.append(writer)
        reply = await answer(door, posted_call(door, ECHO))
        for writer in slow:
            writer.close()

    assert reply.status == 200


BAD_FRAMES = {
    b"{": (-32700, None),
    b"\xff\xfe": (-32700, None),
    b"": (-32700, None),
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]': (-32600, None),
    b'{"jsonrpc":"1.0","id":5,"method":"CANARY"}': (-32600, 5),
    b'{"jsonrpc":"2.0","id":[1],"method":"CANARY"}': (-32600, None),
    b'{"jsonrpc":"2.0","id":5,"method":["CANARY"]}': (-32600, 5),
    b'{"jsonrpc":"2.0","id":5,"method":"a","params":"CANARY"}': (-32600, 5),
    b'{"jsonrpc":"2.0","id":5,"method":"a","params":{"t":"\\ud800"}}': (-32600, 5),
    b'{"jsonrpc":"2.0","id":5,"params":{"t":%s}}' % (b"[" * 200 + b"]" * 200): (-32600, 5),
}


@pytest.mark.parametrize("is_modern", [True, False])
async def test_every_bad_frame_gets_one_answer_that_repeats_nothing(is_modern: bool) -> None:
    server, _ = small_server()
    also = modern(ECHO) if is_modern else {}
    async with serving(server, Door(port=0)) as (_, door):
        replies = [await answer(door, posted(door, frame, also)) for frame in BAD_FRAMES]

    said = [(reply.json()["error"]["code"], reply.json()["id"]) for reply in replies]
    assert said == list(BAD_FRAMES.values())
    assert {reply.status for reply in replies} == {400}
    assert not any(b"CANARY" in reply.body for reply in replies)


async def over_one_connection(door: Door, messages: list[dict[str, Any]]) -> list[Reply]:
    reader, writer = await asyncio.open_connection(door.host, door.port)
    replies = []
    for message in messages:
        writer.write(posted_call(door, message, {"Connection": "keep-alive"}))
        replies.append(await read_reply(reader))
    writer.close()
    return replies


async def test_of_a_burst_of_500_calls_the_excess_is_told_when_to_come_back() -> None:
    server, seen = small_server()
    async with serving(server, Door(port=0, calls_per_second=50, burst=100)) as (_, door):
        told = await asyncio.gather(
            *(
                over_one_connection(
                    door, [call("echo", {"text": "x"}, id=f"{one}-{n}") for n in range(20)]
                )
                for one in range(25)
            )
        )

    replies = [reply for some in told for reply in some]
    excess = [reply for reply in replies if reply.status == 429]
    assert len(replies) == 500
    assert {reply.status for reply in replies} == {200, 429}
    assert 100 <= seen.calls == 500 - len(excess)
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in excess)
    assert all("try again in" in reply.json()["error"]["message"] for reply in excess)
    asked = {f"{one}-{n}" for one in range(25) for n in range(20)}
    assert {reply.json()["id"] for reply in replies} == asked


async def test_a_cancellation_is_taken_however_often_the_client_called() -> None:
    server, _ = small_server()
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    async with serving(server, Door(port=0, calls_per_second=0.001, burst=1)) as (_, door):
        first = await answer(door, posted_call(door, ECHO))
        second = await answer(door, posted_call(door, ECHO))
        third = await answer(door, posted_call(door, notice))

    assert [reply.status for reply in (first, second, third)] == [200, 429, 202]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_come_back_at_the_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_second=2, burst=3, clock=clock)

    first = [limit.wait_seconds("a") for _ in range(4)]
    other = limit.wait_seconds("b")
    clock.now += 0.5
    later = [limit.wait_seconds("a") for _ in range(2)]
    clock.now += 1000
    rested = [limit.wait_seconds("a") for _ in range(4)]

    assert first == [0, 0, 0, 1 / 2]  # the bucket is empty, and half a second fills one call in
    assert other == 0
    assert later == [0, 1 / 2]
    assert rested == [0, 0, 0, 1 / 2]  # never more than the burst


def test_a_crowd_of_clients_takes_no_more_memory_than_allowed() -> None:
    limit = RateLimit(per_second=1, burst=1, clock=Clock(), most_clients=10)

    assert not any(limit.wait_seconds(f"client {n}") for n in range(1000))
    assert len(limit) == 10


def test_without_a_rate_nobody_waits() -> None:
    limit = RateLimit(per_second=0, burst=1)

    assert [limit.wait_seconds("a") for _ in range(1000)] == [0] * 1000
    assert len(limit) == 0


def test_the_addresses_of_one_ipv6_network_are_one_client() -> None:
    def client(address: str) -> str:
        return client_of({"client": (address, 1)})

    assert client("2001:db8::1") == client("2001:db8::ffff:2") != client("2001:db8:1::1")
    assert client("192.0.2.1") != client("192.0.2.2")


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:8765", "127.0.0.1", 8765),
        ("[::1]:8765", "::1", 8765),
        ("localhost:0", "localhost", 0),
        ("127.3.2.1:80", "127.3.2.1", 80),
    ],
)
def test_an_address_of_this_machine_needs_no_token(address: str, host: str, port: int) -> None:
    door = Door.of(address)

    assert (door.host, door.port, door.is_local, door.rate) == (host, port, True, 0)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.org:1"])
def test_an_address_that_others_can_reach_needs_a_token_or_an_issuer(address: str) -> None:
    with pytest.raises(BadInput, match=r"a bearer token or an OAuth issuer.* such as 127\.0\.0\.1"):
        Door.of(address)

    assert Door.of(address, token=TOKEN).rate == 50
    assert Door.of(address, issuer="https://as.org", resource="https://mcp.org/mcp").rate == 50
    assert Door.of(address, token=TOKEN, calls_per_second=0).rate == 0


@pytest.mark.parametrize(
    "address",
    ["", ":8765", "8765", "127.0.0.1", "::1:8765", "127.0.0.1:", "127.0.0.1:x", "a b:1", "/x:1"],
)
def test_an_address_that_is_none_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(BadInput, match=r"expected HOST:PORT, such as 127\.0\.0\.1:8765"):
        Door.of(address)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"door\.port: expected less than or equal to 65535"):
        Door.of("127.0.0.1:70000")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"hosts": ("https://x.org",)}, "names such as"),
        ({"hosts": ("*",)}, "names such as"),
        ({"hosts": ("x.org:*",)}, "names such as"),
        ({"origins": ("*",)}, "origins such as"),
        ({"origins": ("null",)}, "origins such as"),
        ({"origins": ("https://x.org/",)}, "origins such as"),
        ({"token": "two words"}, "visible ASCII"),
        ({"token": "a", "issuer": "https://as.org", "resource": "https://x.org"}, "not both"),
        ({"issuer": "http://as.org", "resource": "https://x.org"}, "https://"),
        ({"issuer": "https://as.org"}, "as the resource"),
        ({"calls_per_second": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_door_that_makes_no_sense_is_refused(said: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        Door.of("127.0.0.1:1", **said)


def test_the_token_shows_in_no_text() -> None:
    refused: list[Exception] = []
    for address, token in (("192.0.2.1:70000", TOKEN), ("127.0.0.1:1", f"{TOKEN} {TOKEN}")):
        with pytest.raises(BadInput) as error:
            Door.of(address, token=token)
        refused.append(error.value)
    with pytest.raises(ValueError, match="port") as direct:
        Door(port=-1, token=TOKEN)
    refused.append(direct.value)

    shown = [
        repr(Door(token=TOKEN)),
        str(Door(token=TOKEN)),
        *map(str, refused),
        *map(repr, refused),
    ]
    assert not any(TOKEN in text for text in shown)
