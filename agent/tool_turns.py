"""Lets a model call the tools itself before it answers: the same tools, by the server's schemas."""

import json
from collections.abc import Sequence

from agent.events import piece, say
from inference.chat import ChatModel, Heard, Reply, Sampling, Tool
from inference.messages import Calling, Message, ToolCall, ToolResult
from mcp_server.client import HealthTools, ToolRefused

MOST_TURNS = 6  # with tools; then the model has to answer
MOST_CALLS = 4  # of one turn
MOST_CHARACTERS = 12_000  # of one result, so that several fit into a local model's context


class ToolTurns:
    def __init__(self, policy: ChatModel, tools: HealthTools, heard: Heard = piece) -> None:
        self._policy, self._tools, self._heard = policy, tools, heard

    async def reply(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The first reply that asks for no tool.

        Raises:
            ModelError: the model gave none.
        """
        turns = list(messages)
        offering = sampling.model_copy(update={"tools": await self._described()})
        for _ in range(MOST_TURNS):
            reply = await self._policy.complete(turns, offering, heard=self._heard)
            if not reply.calls:
                return reply
            calls = reply.calls[:MOST_CALLS]
            turns.append(Calling(content=reply.text, calls=_readable(calls)))
            turns += [await self._result(one) for one in calls]
        return await self._policy.complete(turns, sampling, heard=self._heard)

    async def _result(self, call: ToolCall) -> ToolResult:
        text = await self._said(call)
        if len(text) > MOST_CHARACTERS:
            text = f"{text[:MOST_CHARACTERS]} ... (cut: {len(text):,} characters)"
        return ToolResult(content=text, call_id=call.id)

    async def _said(self, call: ToolCall) -> str:
        arguments = _arguments(call)
        if arguments is None:
            return "arguments: expected one JSON object"
        try:
            said = await self._tools.called(call.name, arguments)
        except ToolRefused as refused:
            said = str(refused)
        say("tool", name=call.name)
        return said

    async def _described(self) -> tuple[Tool, ...]:
        return tuple(
            Tool(name=one.name, description=one.description or "", parameters=one.input_schema)
            for one in await self._tools.offered()
        )


def _arguments(call: ToolCall) -> dict[str, object] | None:
    try:
        said = json.loads(call.arguments)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _readable(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """The calls as they may be told to the model again: servers refuse what is not JSON."""
    return tuple(
        one if _arguments(one) is not None else one.model_copy(update={"arguments": "{}"})
        for one in calls
    )
