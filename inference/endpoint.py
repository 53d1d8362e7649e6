"""The address of a model server; apart from its client, which loads large libraries."""

from pydantic import Field

from inference.words import Word


class Endpoint(Word):
    """Where a model is served. Only an address makes an endpoint; a key alone does not."""

    base_url: str
    model: str = ""
    """Empty: the only model that the server has."""
    api_key: str = Field(default="EMPTY", repr=False)
