"""Checks access tokens of an OAuth issuer: JWTs, against the keys that the issuer publishes.

The server is a resource server only: it gives no tokens and sees no passwords. It asks the issuer
for its keys when the first token comes, and for nothing about a single token.

Source: RFC 8414 and OpenID Connect Discovery (metadata), RFC 7517 (keys), RFC 7519 and 9068
(tokens).
"""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
import jwt
from anyio import to_thread
from jwt import PyJWK
from mcp.server.auth.provider import AccessToken, TokenVerifier
from starlette.authentication import AuthenticationError

ALGORITHMS = ("RS256", "ES256")
KEYS_LAST_SECONDS = 3600.0  # then they are asked for again: one may have been withdrawn
NEW_KEY_SECONDS = 60.0  # between two looks for a key that was not among them
RETRY_SECONDS = 5.0  # after a look that failed
ASK_SECONDS = 10.0  # for all that is fetched in one look
SKEW_SECONDS = 10.0  # between the issuer's clock and ours, for a token's beginning
LARGEST_REPLY = 1024 * 1024  # bytes

Fetch = Callable[[str], Any]


class IssuerDown(AuthenticationError):
    """The issuer's keys cannot be had, so that nobody can say whether a token is good."""

    def __init__(self) -> None:
        super().__init__("the issuer of access tokens cannot be asked for its keys; try again soon")


class IssuerKeys:
    """The issuer's public keys, fetched when they are needed and kept for a while."""

    def __init__(
        self,
        issuer: str,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._fetch, self._clock = issuer, fetch or fetched, clock
        self._keys: dict[str, PyJWK] = {}
        self._asked_at = self._fetched_at = float("-inf")
        self._lock = anyio.Lock()

    async def key(self, kid: str) -> PyJWK | None:
        """The key of that id; None where the issuer has none.

        Raises:
            IssuerDown: there is nobody to ask.
        """
        if kid in self._keys and not self._is_stale():
            return self._keys[kid]
        async with self._lock:
            if self._may_ask(kid):
                await self._refresh()
            if self._is_stale():
                raise IssuerDown
            return self._keys.get(kid)

    def _is_stale(self) -> bool:
        return self._clock() - self._fetched_at >= KEYS_LAST_SECONDS

    def _may_ask(self, kid: str) -> bool:
        since = self._clock() - self._asked_at
        if self._is_stale():
            return since >= RETRY_SECONDS
        return kid not in self._keys and since >= NEW_KEY_SECONDS

    async def _refresh(self) -> None:
        self._asked_at = self._clock()
        try:
            with anyio.fail_after(ASK_SECONDS):
                self._keys = await to_thread.run_sync(self._published, abandon_on_cancel=True)
        except (OSError, ValueError):  # a timeout is an OSError too
            raise IssuerDown from None
        self._fetched_at = self._clock()

    def _published(self) -> dict[str, PyJWK]:
        for url in metadata_urls(self._issuer):
            try:
                found = self._fetch(url)
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and found.get("issuer") == self._issuer:
                return _usable(self._fetch(_safe(found.get("jwks_uri"), self._issuer)))
        raise OSError("no metadata")


class IssuedTokens(TokenVerifier):
    """Knows a token of the issuer for this resource when it sees one."""

    def __init__(self, keys: IssuerKeys, *, issuer: str, resource: str) -> None:
        self._keys, self._issuer, self._resource = keys, issuer, resource

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who the token speaks for; None where it is not good.

        Raises:
            IssuerDown: nobody can say.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self._keys.key(header.get("kid", ""))
            return self._accepted(token, key) if key else None
        except jwt.PyJWTError:
            return None

    def _accepted(self, token: str, key: PyJWK) -> AccessToken:
        claims = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=self._resource,
            issuer=self._issuer,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
        subject = str(claims.get("sub", ""))
        return AccessToken(
            token="",  # what is not held cannot be shown
            client_id=str(claims.get("client_id") or claims.get("azp") or subject),
            scopes=_scopes(claims),
            expires_at=int(claims["exp"]),
            resource=self._resource,
            subject=subject or None,
            claims={"iss": self._issuer},
        )


def metadata_urls(issuer: str) -> list[str]:
    """Where an issuer may describe itself, in the order of the MCP specification."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    well_known = f"{origin}/.well-known"
    urls = [f"{well_known}/oauth-authorization-server{path}"]
    urls.append(f"{well_known}/openid-configuration{path}")
    return [*urls, f"{origin}{path}/.well-known/openid-configuration"] if path else urls


def fetched(url: str) -> Any:
    """A JSON document; follows no redirect, as only the issuer itself is trusted.

    Raises:
        OSError: it cannot be had.
        ValueError: it is no JSON.
    """
    asked = urllib.request.Request(url, headers={"Accept": "application/json"})
    opener = urllib.request.build_opener(_StayHere)
    with opener.open(asked, timeout=RETRY_SECONDS) as reply:
        return json.loads(reply.read(LARGEST_REPLY))


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _safe(url: Any, issuer: str) -> str:
    """An address of keys that is as well protected as the issuer's own."""
    if not isinstance(url, str) or urlsplit(url).scheme != urlsplit(issuer).scheme:
        raise ValueError("no address of keys")
    return url


def _usable(found: Any) -> dict[str, PyJWK]:
    """Public keys for signatures that we accept, by id."""
    keys = {}
    for one in found["keys"] if isinstance(found, dict) and "keys" in found else []:
        try:
            key = PyJWK.from_dict(one)
        except (jwt.PyJWTError, AttributeError, TypeError):
            continue  # of a kind that we would not accept anyway
        if key.algorithm_name in ALGORITHMS and one.get("use", "sig") == "sig":
            keys[key.key_id or ""] = key
    return keys


def _scopes(claims: dict[str, Any]) -> list[str]:
    said = claims.get("scope", claims.get("scp", ""))
    return said.split() if isinstance(said, str) else [str(one) for one in said or ()]
