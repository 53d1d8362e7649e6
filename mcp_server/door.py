"""Where the server listens over HTTP, and who may come in. Opens nothing itself."""

import re
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationError, model_validator

from inference.errors import BadInput
from inference.words import Word

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
EVERY_ADDRESS = ("0.0.0.0", "::")
CALLS_PER_SECOND = 50.0  # of one client, where others than this machine can call
HTTP_PORT = 80  # the one that a Host header leaves out

_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[\da-f:.]+\](:\d{1,5})?", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[^\]\s]+\]):(?P<port>\d{1,5})", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]*")


class Door(Word):
    """An address with its guards; `Door.of` makes one from outside words."""

    model_config = ConfigDict(hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    """0: any free one."""
    hosts: tuple[str, ...] = ()
    """Further names it answers to, as they stand in a Host header."""
    origins: tuple[str, ...] = ()
    """Pages that may call it from a browser, such as `https://app.example.org`."""
    token: str = Field(default="", repr=False)
    """The one bearer token; empty: none is asked for."""
    calls_per_second: float | None = Field(default=None, ge=0)
    """Of one client. None: no limit for this machine's own, else 50. 0: no limit."""
    burst: int = Field(default=100, ge=1)
    """Calls that one client may make at once."""
    issuer: str = ""
    """Of OAuth access tokens; empty: none are asked for."""
    resource: str = ""
    """The address that clients know this server by; tokens are for it alone."""
    scopes: tuple[str, ...] = ()
    """Every token must have them."""

    @classmethod
    def of(
        cls,
        address: str,
        *,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        token: str = "",
        calls_per_second: float | None = None,
        burst: int = 100,
        issuer: str = "",
        resource: str = "",
        scopes: tuple[str, ...] = (),
    ) -> Self:
        """A door at an address such as `127.0.0.1:8765` or `[::1]:8765`.

        Raises:
            BadInput: it would not be safe, or makes no sense.
        """
        host, port = _parted(address)
        try:
            return cls(
                host=host,
                port=port,
                hosts=hosts,
                origins=origins,
                token=token,
                calls_per_second=calls_per_second,
                burst=burst,
                issuer=issuer,
                resource=resource,
                scopes=scopes,
            )
        except ValidationError as error:
            raise _refusal(error) from None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if not all(_HOST.fullmatch(one) for one in self.hosts):
            raise ValueError("names such as clinalign.example.org or clinalign.example.org:8765")
        if not all(_is_origin(one) for one in self.origins):
            raise ValueError("origins such as https://app.example.org, without a path")
        return self

    @model_validator(mode="after")
    def _check_locks(self) -> Self:
        if not _TOKEN.fullmatch(self.token):
            raise ValueError("a token of visible ASCII characters")
        if self.token and self.issuer:
            raise ValueError("a token or an issuer, not both")
        if self.issuer and not (_is_safe_url(self.issuer) and _is_url(self.resource)):
            raise ValueError(
                "an issuer whose address begins with https://, and the address that clients know"
                " this server by as the resource, such as https://clinalign.example.org/mcp"
            )
        if not (self.is_local or self.token or self.issuer):
            raise ValueError(
                f"a bearer token or an OAuth issuer, as other machines can reach {self.host};"
                " or an address of this machine alone, such as 127.0.0.1"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_local(self.host)

    @property
    def url(self) -> str:
        return f"http://{_bracketed(self.host)}:{self.port}/mcp"

    @property
    def answers_to(self) -> frozenset[str]:
        """Every Host header it answers to, in lower case."""
        # An address for all of this machine's interfaces has the local ones among them.
        local = LOCAL_NAMES if self.is_local or self.host in EVERY_ADDRESS else ()
        own = {_bracketed(self.host), *local}
        named = {f"{name}:{self.port}" for name in own} | set(self.hosts)
        named |= own if self.port == HTTP_PORT else set()
        return frozenset(name.lower() for name in named)

    @property
    def admits(self) -> frozenset[str]:
        """Every Origin header it accepts: its own and the ones named."""
        return frozenset(f"http://{name}" for name in self.answers_to) | set(self.origins)

    @property
    def rate(self) -> float:
        """Calls a second of one client; 0 for no limit."""
        if self.calls_per_second is None:
            return 0.0 if self.is_local else CALLS_PER_SECOND
        return self.calls_per_second


def _parted(address: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        expected = (
            "HOST:PORT, such as 127.0.0.1:8765 or [::1]:8765;"
            " 0.0.0.0:8765 with a token for every address of this machine"
        )
        raise BadInput("address", expected, address)
    return found["host"].strip("[]"), int(found["port"])


def _refusal(error: ValidationError) -> BadInput:
    """Our words, without the value: it may be the token."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(("door", *map(str, first["loc"])))
    if first["type"] == "value_error":
        return BadInput("door", str(first["ctx"]["error"]))
    return BadInput(where, first["msg"].removeprefix("Input should be "))


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    return scheme in ("http", "https") and _HOST.fullmatch(host) is not None


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment


def _is_safe_url(text: str) -> bool:
    return _is_url(text) and (
        text.startswith("https://") or _is_local(urlsplit(text).hostname or "")
    )
