"""Access tokens of a real issuer on this machine, which publishes metadata and keys over HTTP."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import anyio
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.door import Door
from mcp_server.oauth import IssuedTokens, IssuerDown, IssuerKeys, metadata_urls
from tests.mcp_server.http_kit import (
    Reply,
    answer,
    call,
    posted_call,
    request,
    serving,
    small_server,
)

RESOURCE = "https://mcp.example.org/mcp"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
PUBLISHED = b"a-secret-that-an-issuer-should-never-publish"


class Issuer:
    """What an authorization server publishes about itself."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys = {"rsa": RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)}
        self.keys["ec"] = ECAlgorithm.to_jwk(EC.public_key(), as_dict=True)
        self.keys["weak"] = RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True)
        self.keys["oct"] = HMACAlgorithm.to_jwk(PUBLISHED, as_dict=True)
        self.url = ""
        self.says_it_is = ""
        self.metadata_at = "/.well-known/oauth-authorization-server"

    def document(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if path == self.metadata_at:
            return {"issuer": self.says_it_is or self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return {"keys": [{"kid": kid, **key} for kid, key in self.keys.items()]}
        return None


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.document(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        issuer.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield issuer
        running.shutdown()
        thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def door_of(issuer: Issuer, *scopes: str) -> Door:
    return Door.of("127.0.0.1:0", issuer=issuer.url, resource=RESOURCE, scopes=scopes)


def token(
    issuer: Issuer, key: Any = RSA, kid: str | None = "rsa", algorithm: str = "RS256", **claims: Any
) -> str:
    said = {"iss": issuer.url, "aud": RESOURCE, "exp": time.time() + 60, "sub": "someone"} | claims
    headers = {"kid": kid} if kid else {}
    given = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm, headers=headers)


def unsigned(issuer: Issuer) -> str:
    return token(issuer, key=None, algorithm="none")


def forged(issuer: Issuer) -> str:
    """Signed with a secret that the issuer published by mistake, under a name that we accept."""
    claims = token(issuer).split(".")[1]
    head = _base64({"alg": "RS256", "typ": "JWT", "kid": "oct"})
    signature = hmac.digest(PUBLISHED, f"{head}.{claims}".encode(), "sha256")
    return f"{head}.{claims}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _base64(data: dict[str, str]) -> str:
    return urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


async def asked_with(door: Door, access: str) -> Reply:
    message = call("echo", {"text": "x"})
    return await answer(door, posted_call(door, message, {"Authorization": f"Bearer {access}"}))


async def test_a_good_token_lets_in_and_the_issuer_is_asked_once(issuer: Issuer) -> None:
    server, seen = small_server()
    async with serving(server, door_of(issuer)) as (_, door):
        asked_at_start = list(issuer.asked)
        replies = [
            await asked_with(door, token(issuer)),
            await asked_with(door, token(issuer, key=EC, kid="ec", algorithm="ES256")),
            await asked_with(door, token(issuer, aud=["https://other.example.org", RESOURCE])),
        ]

    assert asked_at_start == []
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert seen.calls == 3
    assert issuer.asked == ["/.well-known/oauth-authorization-server", "/keys"]


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # made on purpose
async def test_every_other_token_is_refused_without_a_word_about_it(issuer: Issuer) -> None:
    past = time.time() - 60
    bad = {
        "expired": token(issuer, exp=past),
        "never expires": token(issuer, exp=None),
        "for another server": token(issuer, aud="https://other.example.org/mcp"),
        "for nobody": token(issuer, aud=None),
        "from another issuer": token(issuer, iss="https://evil.example"),
        "from nobody": token(issuer, iss=None),
        "not yet": token(issuer, nbf=time.time() + 600),
        "unsigned": unsigned(issuer),
        "another key": token(issuer, key=OTHER),
        "an unknown key": token(issuer, key=OTHER, kid="other"),
        "no key named": token(issuer, kid=None),
        "a weak key": token(issuer, key=WEAK, kid="weak"),
        "a shared secret": token(issuer, key=PUBLISHED, kid="rsa", algorithm="HS256"),
        "a published secret": token(issuer, key=PUBLISHED, kid="oct", algorithm="HS256"),
        "a published secret under another name": forged(issuer),
        "another algorithm": token(issuer, algorithm="RS512"),
        "garbage": "a.b.c",
        "nothing": "",
    }
    server, seen = small_server()
    async with serving(server, door_of(issuer)) as (_, door):
        replies = {name: await asked_with(door, access) for name, access in bad.items()}

    assert {name: reply.status for name, reply in replies.items()} == dict.fromkeys(bad, 401)
    assert seen.calls == 0
    for name, reply in replies.items():
        assert "resource_metadata=" in reply.headers["www-authenticate"], name
        assert not bad[name] or bad[name].encode() not in reply.body, name


async def test_a_token_without_the_scope_is_told_which_one(issuer: Issuer) -> None:
    server, seen = small_server()
    async with serving(server, door_of(issuer, "health:read")) as (_, door):
        without = await asked_with(door, token(issuer, scope="other health:write"))
        as_text = await asked_with(door, token(issuer, scope="other health:read"))
        as_list = await asked_with(door, token(issuer, scp=["health:read"]))

    assert without.status == 403
    assert 'error="insufficient_scope"' in without.headers["www-authenticate"]
    assert "health:read" in without.headers["www-authenticate"]
    assert (as_text.status, as_list.status, seen.calls) == (200, 200, 2)


async def test_clients_learn_who_gives_tokens(issuer: Issuer) -> None:
    server, _ = small_server()
    async with serving(server, door_of(issuer, "health:read")) as (_, door):
        host = {"Host": f"localhost:{door.port}", "Connection": "close"}
        path = "/.well-known/oauth-protected-resource/mcp"
        metadata = (await answer(door, request("GET", path, host))).json()

    assert metadata["resource"] == RESOURCE
    assert metadata["authorization_servers"] == [issuer.url]
    assert metadata["scopes_supported"] == ["health:read"]


async def test_an_issuer_that_is_down_is_told_and_asked_again(issuer: Issuer) -> None:
    server, seen = small_server()
    with issuing() as gone:
        door_of_gone = door_of(gone)
        access = token(gone)
    async with serving(server, door_of_gone) as (_, door):
        replies = [await asked_with(door, access), await asked_with(door, access)]
        health = await answer(
            door,
            request("GET", "/health", {"Host": f"localhost:{door.port}", "Connection": "close"}),
        )

    assert [reply.status for reply in replies] == [503, 503]
    assert replies[0].headers["retry-after"] == "5"
    assert "the issuer of access tokens cannot be asked" in replies[0].json()["error"]["message"]
    assert (health.status, seen.calls) == (200, 0)


async def test_our_own_client_calls_with_a_token(issuer: Issuer) -> None:
    server, _ = small_server()
    async with serving(server, door_of(issuer)) as (_, door):
        headers = {"Authorization": f"Bearer {token(issuer)}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(door.url, http_client=http)) as client,
        ):
            result = await client.call_tool("echo", {"text": "hello"})

    assert result.structured_content == {"result": "hello"}


async def test_a_session_belongs_to_the_one_who_opened_it(issuer: Issuer) -> None:
    server, _ = small_server()
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}}
    hello["clientInfo"] = {"name": "a", "version": "1"}
    opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    mine = {"Authorization": f"Bearer {token(issuer)}"}
    theirs = {"Authorization": f"Bearer {token(issuer, sub='somebody else')}"}
    old = {"MCP-Protocol-Version": "2025-11-25"}
    async with serving(server, door_of(issuer)) as (_, door):
        opened = await answer(door, posted_call(door, opening, mine | old))
        session = old | {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        own = await answer(door, posted_call(door, listing, session | mine))
        stolen = await answer(door, posted_call(door, listing, session | theirs))

    assert (own.status, stolen.status) == (200, 404)


async def test_each_owner_of_a_token_has_a_rate_of_their_own(issuer: Issuer) -> None:
    server, _ = small_server()
    slow = door_of(issuer).model_copy(update={"calls_per_second": 0.001, "burst": 1})
    async with serving(server, slow) as (_, door):
        mine = [(await asked_with(door, token(issuer, sub="a"))).status for _ in range(2)]
        theirs = await asked_with(door, token(issuer, sub="b"))

    assert (mine, theirs.status) == ([200, 429], 200)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_new_key_is_looked_for_at_most_once_a_minute(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock=clock)
    first = await keys.key("rsa")
    issuer.keys["new"] = RSAAlgorithm.to_jwk(OTHER.public_key(), as_dict=True)

    at_once = await keys.key("new")
    asked = len(issuer.asked)
    clock.now += 61
    found = await keys.key("new")
    unknown = [await keys.key(f"made up {n}") for n in range(20)]

    assert first is not None
    assert at_once is None
    assert asked == 2
    assert found is not None
    assert unknown == [None] * 20
    assert len(issuer.asked) == 4


async def test_a_withdrawn_key_counts_for_an_hour_at_most(issuer: Issuer) -> None:
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock=clock)
    before = await keys.key("rsa")
    del issuer.keys["rsa"]

    clock.now += 3599
    still = await keys.key("rsa")
    clock.now += 1
    after = await keys.key("rsa")

    assert (before, still, after) == (before, before, None)
    assert before is not None


async def test_a_crowd_that_comes_at_once_asks_the_issuer_once(issuer: Issuer) -> None:
    keys = IssuerKeys(issuer.url)
    async with anyio.create_task_group() as crowd:
        for _ in range(20):
            crowd.start_soon(keys.key, "rsa")

    assert len(issuer.asked) == 2


async def test_an_issuer_under_another_name_is_not_believed(issuer: Issuer) -> None:
    issuer.says_it_is = "https://evil.example"
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock=clock)

    with pytest.raises(IssuerDown):
        await keys.key("rsa")

    asked = len(issuer.asked)
    with pytest.raises(IssuerDown):
        await keys.key("rsa")
    issuer.says_it_is = ""
    clock.now += 5
    found = await keys.key("rsa")

    assert "/keys" not in issuer.asked[:asked]
    assert issuer.asked[asked:] == [issuer.metadata_at, "/keys"]  # nothing within five seconds
    assert found is not None


async def test_an_openid_provider_is_found_too(issuer: Issuer) -> None:
    issuer.metadata_at = "/.well-known/openid-configuration"
    tokens = IssuedTokens(IssuerKeys(issuer.url), issuer=issuer.url, resource=RESOURCE)

    access = await tokens.verify_token(token(issuer, azp="an app", scope="a b"))

    assert access is not None
    assert (access.client_id, access.subject, access.scopes) == ("an app", "someone", ["a", "b"])
    assert access.token == ""


def test_metadata_is_looked_for_where_the_specification_says() -> None:
    assert metadata_urls("https://as.example.org/tenant") == [
        "https://as.example.org/.well-known/oauth-authorization-server/tenant",
        "https://as.example.org/.well-known/openid-configuration/tenant",
        "https://as.example.org/tenant/.well-known/openid-configuration",
    ]
