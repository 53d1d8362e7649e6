"""Lets the text of a failure we foresaw reach the caller, without the caller's own values."""

from collections.abc import Generator
from contextlib import contextmanager

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from inference.errors import ClinalignError
from inference.words import refusal


@contextmanager
def told_to_caller() -> Generator[None, None, None]:
    """Translate our errors at the border; every other text the SDK withholds, rightly."""
    try:
        yield
    except ClinalignError as error:
        raise ToolError(error.without_values()) from error


def argument_error(error: ValidationError) -> ToolError:
    """The SDK's refusal of an argument in our words: it would repeat the value."""
    return ToolError(refusal(error, "arguments").without_values())
