"""An SDK server with our guards: the one factory of the shipped server and of test builds.

It refuses unknown arguments and JSON in a text's place, and neither its replies nor its logs ever
repeat a caller's value.
"""

import logging
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import (
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
)
from pydantic import AnyUrl, ValidationError

from inference.errors import BadInput
from mcp_server.errors import argument_error

LARGEST_MESSAGE = 4 * 1024 * 1024  # bytes
UNFORESEEN = "stopped by an error we did not foresee; the server's log names its place"

logger = logging.getLogger(__name__)


class GuardedServer(MCPServer[Any]):
    """A server without contents; add tools, resources and prompts, then serve it."""

    def __init__(
        self,
        name: str,
        *,
        version: str,
        title: str | None = None,
        instructions: str | None = None,
        extensions: Sequence[Extension] = (),
        lifespan: Any = None,
    ) -> None:
        super().__init__(
            name,
            title=title,
            instructions=instructions,
            version=version,
            extensions=extensions,
            lifespan=lifespan,
            log_level="WARNING",
        )
        self._lowlevel_server.middleware.append(_unnamed_method)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        self._check_arguments(name, arguments)
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError as error:
            raise ToolError(_logged(error.__cause__ or error)) from None
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise argument_error(error.__cause__) from None
            raise

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        try:
            return await super().read_resource(uri, context)
        except UnexpectedResourceError as error:
            raise MCPError(INTERNAL_ERROR, _logged(error.__cause__ or error)) from None
        except ResourceNotFoundError:
            expected = "a URI of resources/list or resources/templates/list"
            raise MCPError(INVALID_PARAMS, f"resource: expected {expected}") from None

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Any, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        self._check_prompt(name, arguments or {})
        try:
            return await super().get_prompt(name, arguments, context)
        except MCPError:
            raise
        except Exception as error:
            raise MCPError(INTERNAL_ERROR, _logged(error.__cause__ or error)) from None

    def _check_arguments(self, name: str, arguments: dict[str, Any]) -> None:
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            raise _told("tool", f"one of {', '.join(self._tool_names())}")
        known = tool.parameters.get("properties", {})
        if set(arguments) - set(known):
            raise _told("arguments", f"only {', '.join(known)}" if known else "none")
        for one, value in arguments.items():
            # The SDK would read JSON out of a text.
            if isinstance(value, str) and known[one].get("type") in ("array", "object"):
                raise _told(one, f"an {known[one]['type']}, not a text")

    def _check_prompt(self, name: str, arguments: dict[str, Any]) -> None:
        prompt = self._prompt_manager.get_prompt(name)
        if prompt is None:
            names = ", ".join(one.name for one in self._prompt_manager.list_prompts())
            raise MCPError(INVALID_PARAMS, f"prompt: expected one of {names}")
        known = {one.name: one.required for one in prompt.arguments or []}
        missing = [one for one, required in known.items() if required and one not in arguments]
        if missing or set(arguments) - set(known):
            raise MCPError(INVALID_PARAMS, f"prompt arguments: expected {', '.join(known)}")

    def _tool_names(self) -> list[str]:
        return [tool.name for tool in self._tool_manager.list_tools()]


async def _unnamed_method(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Leave out of the SDK's refusal which method was asked for: the caller may write anything."""
    try:
        return await call_next(ctx)
    except MCPError as error:
        if error.error.code == METHOD_NOT_FOUND and error.error.data is not None:
            raise MCPError(METHOD_NOT_FOUND, "Method not found") from None
        raise


def _told(where: str, expected: str) -> ToolError:
    return ToolError(BadInput(where, expected).without_values())


def _logged(error: BaseException) -> str:
    """Log where an error came from, without its text: that may hold what the caller wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(frames))
    logger.error("unforeseen %s at %s", type(error).__name__, places)
    return UNFORESEEN
