"""Says how to get a library that is not in the base install, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from inference.errors import ClinalignError


class Lacking(ClinalignError):
    """A library of an extra is needed, and not installed."""


@contextmanager
def needed(library: str, extra: str = "data") -> Iterator[None]:
    """Import a library within.

    Raises:
        Lacking: it is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != library:
            raise
        told = f'{library} is not installed; pip install "clinalign[{extra}]"'
        raise Lacking(told) from None
