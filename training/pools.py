"""What a rubric is written from: looked up with the tools, or as an earlier stage wrote it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from inference.errors import BadInput
from inference.messages import Conversation
from inference.words import read
from mcp_server.client import HealthTools, ToolRefused
from mcp_server.results import Principles
from rubrics.types import Label
from rubrics.writing_words import Hint
from training.tasks import Pool, Rejected

ARGUMENTS = ("urgency", "uncertainty", "expertise", "task_type")
"""The labels that the tool takes."""
TAKEN = ("given", "model")
"""Who must have read a label for it to be handed on: the built-in reader can read it again."""


class Pools:
    """Finds the principles of questions.

    Args:
        tools: the MCP tools.
        size: principles looked up for a question.
    """

    def __init__(self, tools: HealthTools, size: int) -> None:
        self._tools, self._size = tools, size
        self._hints: dict[str, asyncio.Future[Hint]] = {}

    async def found(self, asked: Conversation, row: Mapping[str, Any]) -> Pool:
        """By the tools; labels that a person or a model gave the row count as given.

        Raises:
            Rejected: the row's scenario cannot be read.
            ToolRefused: the tool would not.
        """
        read_before = _scenario(row) if "scenario" in row else {}
        labels = {
            name: label.value
            for name, label in read_before.items()
            if name in ARGUMENTS and label.value and label.from_ in TAKEN
        }
        found = await self._looked_up(asked, labels)
        hints = [
            Hint(principle_id=one.id, statement=one.statement, criteria=one.criteria)
            for one in found.principles
            if one.on_topic
        ]
        return Pool(scenario={**found.scenario, **read_before}, hints=tuple(hints))

    async def kept(self, row: Mapping[str, Any]) -> Pool:
        """By what earlier stages wrote into the row.

        Raises:
            Rejected: they did not, or with another library.
        """
        ids = row.get("principle_ids")
        if not isinstance(ids, list):
            raise Rejected("not_prepared", "no principle_ids; run --stage pool first")
        hints = [await self._hint(str(id)) for id in ids]
        return Pool(scenario=_scenario(row), hints=tuple(hints))

    async def _looked_up(self, asked: Conversation, labels: Mapping[str, str]) -> Principles:
        try:
            return await self._tools.get_health_principles(asked, self._size, labels)
        except ToolRefused as error:
            if labels:  # they are the row's own, and would be refused again
                raise Rejected("not_prepared", f"its scenario: {error}") from None
            raise

    async def _hint(self, id: str) -> Hint:
        if id not in self._hints:
            # Kept before it is there: many rows ask for the same one at once.
            self._hints[id] = asyncio.ensure_future(self._read(id))
        try:
            return await asyncio.shield(self._hints[id])
        except ToolRefused:
            told = "principle_ids of another library; run --stage pool anew"
            raise Rejected("not_prepared", told) from None

    async def _read(self, id: str) -> Hint:
        one = await self._tools.principle(id)
        return Hint(principle_id=id, statement=one.statement, criteria=one.ready_criteria())


def _scenario(row: Mapping[str, Any]) -> dict[str, Label]:
    """Labels as an earlier stage writes them; a plain value was given by a person."""
    said = row.get("scenario")
    if isinstance(said, Mapping):
        said = {name: _given(one) if isinstance(one, str) else one for name, one in said.items()}
    try:
        return read(dict[str, Label], said, "scenario")
    except BadInput as error:
        told = f"{error.without_values()}; run --stage scenario first"
        raise Rejected("not_prepared", told) from None


def _given(value: str) -> dict[str, Any]:
    return {"value": value, "confidence": 1.0, "from": "given"}
