"""Tools and a prompt that ask the client something while they work, in both eras' ways.

Up to 2025-11-25 the server sends a request and waits; since 2026-07-28 it answers "input
required", and the client calls again with what was asked for.
"""

import json
from collections.abc import Callable
from typing import Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

from mcp_server.guarded import GuardedServer
from tests.conformance.fixture_contents import add_prompt, add_tool

Told = Context[Any, Any]


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """One field of each simple type, each with a default."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def among(**schema: Any) -> Any:
    return Field(json_schema_extra=schema)


TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]


class Choices(BaseModel):
    """Every way to write down a choice; the names are the suite's."""

    untitledSingle: str = among(enum=["option1", "option2"])
    titledSingle: str = among(oneOf=TITLED)
    legacyEnum: str = among(enum=["opt1", "opt2"], enumNames=["Option One", "Option Two"])
    untitledMulti: list[str] = among(items={"type": "string", "enum": ["option1", "option2"]})
    titledMulti: list[str] = among(items={"anyOf": TITLED})


async def sampling(prompt: str, told: Told) -> str:
    # Without the id it would go to the standing stream, which may not be open yet.
    said = await told.session.create_message(
        messages=[SamplingMessage(role="user", content=TextContent(text=prompt))],
        max_tokens=100,
        related_request_id=told.request_id,
    )
    assert isinstance(said.content, TextContent)
    return f"LLM response: {said.content.text}"


async def elicitation(message: str, told: Told) -> str:
    return await elicited(told, message, Person)


async def elicitation_sep1034_defaults(told: Told) -> str:
    return await elicited(told, "Please provide user information", Defaults)


async def elicitation_sep1330_enums(told: Told) -> str:
    return await elicited(told, "Please choose", Choices)


async def elicited(told: Told, message: str, schema: type[BaseModel]) -> str:
    said = await told.elicit(message=message, schema=schema)
    content = said.data.model_dump_json() if said.action == "accept" else "{}"
    return f"Elicitation completed: action={said.action}, content={content}"


async def missing_capability(told: Told) -> str:
    declared = told.client_capabilities
    if declared is None or declared.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs the client's sampling.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample."


def form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def model(question: str, max_tokens: int) -> CreateMessageRequest:
    asked = [SamplingMessage(role="user", content=TextContent(text=question))]
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=asked, max_tokens=max_tokens)
    )


def wanted(requests: dict[str, InputRequest], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def filled(told: Told, key: str, name: str) -> str | None:
    """What the user put into a form, if the client sent that form."""
    said = (told.input_responses or {}).get(key)
    return str((said.content or {}).get(name)) if isinstance(said, ElicitResult) else None


async def input_elicitation(told: Told) -> str | InputRequiredResult:
    name = filled(told, "user_name", "name")
    return f"Hello, {name}!" if name else wanted({"user_name": form("What is your name?", "name")})


async def input_sampling(told: Told) -> str | InputRequiredResult:
    said = (told.input_responses or {}).get("capital_question")
    if isinstance(said, CreateMessageResult) and isinstance(said.content, TextContent):
        return f"The model said: {said.content.text}"
    return wanted({"capital_question": model("What is the capital of France?", 100)})


async def input_list_roots(told: Told) -> str | InputRequiredResult:
    said = (told.input_responses or {}).get("client_roots")
    if isinstance(said, ListRootsResult):
        return f"Roots: {', '.join(str(one.uri) for one in said.roots)}"
    return wanted({"client_roots": ListRootsRequest()})


async def input_request_state(told: Told) -> str | InputRequiredResult:
    if told.request_state == "asked" and filled(told, "confirm", "ok"):
        return "state-ok"
    return wanted({"confirm": form("Please confirm", "ok", "boolean")}, "asked")


async def input_multiple_inputs(told: Told) -> str | InputRequiredResult:
    requests: dict[str, InputRequest] = {
        "user_name": form("What is your name?", "name"),
        "greeting": model("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    if requests.keys() <= (told.input_responses or {}).keys():
        return "All three came."
    return wanted(requests, "asked for three")


async def input_multi_round(told: Told) -> str | InputRequiredResult:
    known = json.loads(told.request_state or "{}")
    name, color = filled(told, "step1", "name"), filled(told, "step2", "color")
    if "name" in known and color:
        return f"{known['name']} likes {color}."
    if name:
        asked = form("Step 2: What is your favorite color?", "color")
        return wanted({"step2": asked}, json.dumps({"name": name}))
    return wanted({"step1": form("Step 1: What is your name?", "name")}, json.dumps({"round": 1}))


async def input_tampered_state(told: Told) -> str | InputRequiredResult:
    """Returns the state it gave. One that was changed is refused before it comes here."""
    if told.request_state:
        return f"state-ok: {told.request_state}"
    return wanted({"confirm": form("Please confirm", "ok", "boolean")}, "sealed")


async def input_capabilities(told: Told) -> InputRequiredResult:
    can = told.client_capabilities
    requests: dict[str, InputRequest] = {}
    if can and can.sampling is not None:
        requests["sample"] = model("Say hello", 50)
    if can and can.elicitation is not None:
        requests["ask"] = form("What is your name?", "name")
    return wanted(requests, "by capability")


async def input_prompt(told: Told) -> list[UserMessage] | InputRequiredResult:
    context = filled(told, "user_context", "context")
    if context:
        return [UserMessage(f"Use this context: {context}")]
    return wanted({"user_context": form("What context should the prompt use?", "context")})


PLAIN: tuple[Callable[..., Any], ...] = (
    sampling,
    elicitation,
    elicitation_sep1034_defaults,
    elicitation_sep1330_enums,
    missing_capability,
)
IN_ROUNDS: tuple[Callable[..., Any], ...] = (
    input_elicitation,
    input_sampling,
    input_list_roots,
    input_request_state,
    input_multiple_inputs,
    input_multi_round,
    input_tampered_state,
    input_capabilities,
)


def add_asking(server: GuardedServer) -> None:
    for tool in PLAIN:
        add_tool(server, tool)
    for tool in IN_ROUNDS:
        name = tool.__name__.removeprefix("input_")
        add_tool(server, tool, f"test_input_required_result_{name}")
    add_tool(server, input_elicitation, "test_streaming_elicitation")
    add_prompt(server, input_prompt, "test_input_required_result_prompt")
