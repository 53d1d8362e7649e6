"""Asks for a bearer token, of one kind or the other, before anything of a request is read.

The questions themselves are the SDK's: 401 with the way to a token, 403 for a missing scope.
"""

import hmac

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.auth.settings import AuthSettings
from mcp_types import INTERNAL_ERROR
from pydantic import AnyHttpUrl
from starlette.authentication import AuthenticationError
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mcp_server.door import Door
from mcp_server.http_guards import refusal
from mcp_server.oauth import IssuedTokens, IssuerKeys

RETRY_SECONDS = 5


class OneToken(TokenVerifier):
    """Knows the one token that this server was started with."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        # Without the token itself: what is not held cannot be shown.
        return AccessToken(token="", client_id="bearer", scopes=[])


def asking_for_token(app: ASGIApp, door: Door) -> ASGIApp:
    """The app behind the door's lock; the app itself where there is none."""
    if door.token:
        backend = BearerAuthBackend(OneToken(door.token))
        return _locked(app, backend, (), None)
    if door.issuer:
        settings = _settings(door)
        keys = IssuerKeys(door.issuer)
        tokens = IssuedTokens(keys, issuer=door.issuer, resource=door.resource)
        backend = BearerAuthBackend(tokens, resource_server_url=settings.resource_server_url)
        assert settings.resource_server_url is not None
        metadata = build_resource_metadata_url(settings.resource_server_url)
        return _locked(app, backend, door.scopes, metadata)
    return app


def metadata_routes(door: Door) -> list[Route]:
    """Where clients learn which issuer gives tokens for this server; RFC 9728."""
    if not door.issuer:
        return []
    settings = _settings(door)
    assert settings.resource_server_url is not None
    return create_protected_resource_routes(
        settings.resource_server_url, [settings.issuer_url], settings.required_scopes
    )


def _locked(
    app: ASGIApp, backend: BearerAuthBackend, scopes: tuple[str, ...], metadata: AnyHttpUrl | None
) -> ASGIApp:
    asked = RequireAuthMiddleware(app, list(scopes), metadata)
    return AuthenticationMiddleware(AuthContextMiddleware(asked), backend, _unsure)


def _unsure(connection: HTTPConnection, error: AuthenticationError) -> Response:
    """The token may be good or not; nobody can say now."""
    retry = {"Retry-After": str(RETRY_SECONDS)}
    return refusal(503, str(error), code=INTERNAL_ERROR, headers=retry)


def _settings(door: Door) -> AuthSettings:
    return AuthSettings.model_validate(
        {
            "issuer_url": door.issuer,
            "resource_server_url": door.resource,
            "required_scopes": list(door.scopes),
            "validate_token_resource": True,
        }
    )
