"""The address of a model server; apart from its client, which loads large libraries."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import Field

from inference.words import Word

LONGEST_WAIT_SECONDS = 300.0


class Endpoint(Word):
    """Where a model is served. Only an address makes an endpoint; a key alone does not."""

    base_url: str
    model: str = ""
    """Empty: the only model that the server has."""
    api_key: str = Field(default="EMPTY", repr=False)
    thinking: bool | None = None
    """Whether the model shall think first where a call does not say; None: as the server does."""
    longest_wait_seconds: float = Field(default=LONGEST_WAIT_SECONDS, gt=0)
    """For one answer, retries and pauses included."""

    @property
    def is_here(self) -> bool:
        """Whether the address is plainly one of this machine; then no proxy is used."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False
