"""Tools, resources and prompts that the conformance suite asks for by name; no request goes back.

The names and texts are the suite's. See `fixture_asking` for those that ask the client something.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp_types import (
    AudioContent,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import Field

from mcp_server.guarded import GuardedServer

Told = Context[Any, Any]

ONE_PIXEL = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\6\0\0\0\x1f\x15\xc4\x89"
    b"\0\0\0\rIDATx\xdac\xfc\xcf\xc0P\x0f\0\4\x85\1\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82"
)
NO_SOUND = (
    b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\0\0"
)
PICTURE = ImageContent(data=base64.b64encode(ONE_PIXEL).decode(), mime_type="image/png")
SOUND = AudioContent(data=base64.b64encode(NO_SOUND).decode(), mime_type="audio/wav")
# Every keyword here must reach the client unchanged.
RICH_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def text(uri: str, said: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=said))


async def simple_text() -> str:
    return "This is a simple text response for testing."


async def image_content() -> list[ImageContent]:
    return [PICTURE]


async def audio_content() -> list[AudioContent]:
    return [SOUND]


async def embedded_resource() -> list[EmbeddedResource]:
    return [text("test://embedded-resource", "This is an embedded resource content.")]


async def multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    data = json.dumps({"test": "data", "value": 123})
    return [
        TextContent(text="Multiple content types test:"),
        PICTURE,
        text("test://mixed-content-resource", data, "application/json"),
    ]


async def error_handling() -> str:
    raise ToolError("This tool intentionally returns an error for testing")


async def tool_with_logging(told: Told) -> str:
    for step in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await told.info(step)
        await asyncio.sleep(0.05)  # the suite wants the notes apart in time
    return "Told three times."


async def tool_with_progress(told: Told) -> str:
    for done in (0, 50, 100):
        await told.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return "Reported three times."


async def header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "",
) -> str:
    return f"region={region}"


async def rich_schema() -> str:
    return "Its schema is what counts."


def add_tool(server: GuardedServer, tool: Callable[..., Any], name: str = "") -> None:
    wanted = name or f"test_{tool.__name__}"
    server.add_tool(tool, name=wanted, description=f"For the conformance suite: {wanted}.")


def add_prompt(server: GuardedServer, prompt: Callable[..., Any], name: str) -> None:
    server.prompt(name, description=f"For the conformance suite: {name}.")(prompt)


def add_contents(server: GuardedServer) -> None:
    for tool in (
        simple_text,
        image_content,
        audio_content,
        embedded_resource,
        multiple_content_types,
        error_handling,
        tool_with_logging,
        tool_with_progress,
    ):
        add_tool(server, tool)
    add_tool(server, tool_with_logging, "test_logging_tool")
    add_tool(server, header, "test_x_mcp_header")
    add_tool(server, rich_schema, "json_schema_2020_12_tool")
    found = server._tool_manager.get_tool("json_schema_2020_12_tool")
    assert found is not None
    found.parameters = RICH_SCHEMA
    add_changes(server)
    add_resources(server)
    for prompt in (
        simple_prompt,
        prompt_with_arguments,
        prompt_with_embedded_resource,
        prompt_with_image,
    ):
        add_prompt(server, prompt, f"test_{prompt.__name__}")
    add_older_methods(server)


def add_changes(server: GuardedServer) -> None:
    """Two tools that change a list and say so to whoever listens."""

    async def trigger_tool_change(told: Told) -> str:
        add_tool(server, simple_text, "test_dynamic_tool")
        server.remove_tool("test_dynamic_tool")
        await told.notify_tools_changed()
        return "The list of tools changed."

    async def trigger_prompt_change(told: Told) -> str:
        server.add_prompt(Prompt.from_function(simple_text, name="test_dynamic_prompt"))
        server.remove_prompt("test_dynamic_prompt")
        await told.notify_prompts_changed()
        return "The list of prompts changed."

    add_tool(server, trigger_tool_change)
    add_tool(server, trigger_prompt_change)


def add_resources(server: GuardedServer) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        return ONE_PIXEL

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    async def watched() -> str:
        return "Somebody watches this."


async def simple_prompt() -> list[UserMessage]:
    return [UserMessage("This is a simple prompt for testing.")]


async def prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return [UserMessage(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


async def prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    return [
        UserMessage(text(resourceUri, "Embedded resource content for testing.")),
        UserMessage("Please process the embedded resource above."),
    ]


async def prompt_with_image() -> list[UserMessage]:
    return [UserMessage(PICTURE), UserMessage("Please analyze the image above.")]


def add_older_methods(server: GuardedServer) -> None:
    """What 2025-11-25 has and the SDK gives no public way to answer."""

    async def fine(context: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    low = server._lowlevel_server
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, fine)
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, fine)
    low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, fine)

    async def complete(context: Any, params: CompleteRequestParams) -> CompleteResult:
        return CompleteResult(completion=Completion(values=[], total=0, has_more=False))

    low.add_request_handler("completion/complete", CompleteRequestParams, complete)
