"""What can be read without a tool: the library, the taxonomy, principles and rubrics, as JSON."""

import json
from collections.abc import Callable
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from mcp_server.guarded import GuardedServer
from mcp_server.house import Entrance
from principle_store.types import Library, Principle
from rubrics.taxonomy import Taxonomy
from rubrics.types import Rubric

JSON = "application/json"
MOST_COMPLETIONS = 100  # the protocol's limit
Kept = Callable[[str], Rubric | None]


class HealthResources:
    """The resources and their completions.

    Args:
        entrance: to the principles.
        taxonomy: the scenario's dimensions.
        kept: finds a rubric that an answer was scored by.
    """

    def __init__(self, entrance: Entrance, taxonomy: Taxonomy, kept: Kept) -> None:
        self._entrance, self._taxonomy, self._kept = entrance, taxonomy, kept

    async def library(self) -> str:
        """Version, hash and every principle's id and statement."""
        library = await self._library()
        listed = [_listed(one) for one in library.principles]
        return _json({"version": library.version, "hash": library.hash, "principles": listed})

    async def taxonomy(self) -> str:
        """The dimensions of a scenario, and what each of their values means."""
        return _json([one.model_dump(mode="json") for one in self._taxonomy.dimensions])

    async def principle(self, id: str) -> str:
        """One principle, whole."""
        for one in (await self._library()).principles:
            if one.id == id:
                return _json(one.model_dump(mode="json"))
        raise MCPError(INVALID_PARAMS, "principle: expected an id of principles://library")

    async def principles_of(self, dimension: str, value: str) -> str:
        """The principles that apply to one value of a scenario, by id and statement."""
        if value not in self._values(dimension):
            raise MCPError(INVALID_PARAMS, "scenario: expected a value of principles://taxonomy")
        principles = (await self._library()).principles
        return _json([_listed(one) for one in principles if one.applies_to(dimension, value)])

    async def rubric(self, id: str) -> str:
        """The rubric of a score, by its rubric_id; or a principle's own criteria, by its id."""
        rows = kept.rows() if (kept := self._kept(id)) else await self._own_rows(id)
        if not rows:
            raise MCPError(INVALID_PARAMS, "rubric: expected a rubric_id, or a principle's id")
        return _json(rows)

    async def complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        """Ids and labels that hold what was typed, those that begin with it first."""
        known = (context.arguments if context else None) or {}
        begun = argument.value.casefold()
        offered = [one for one in await self._offered(argument.name, known) if begun in one]
        ordered = sorted(offered, key=lambda one: (not one.startswith(begun), one))
        return Completion(
            values=ordered[:MOST_COMPLETIONS],
            total=len(ordered),
            has_more=len(ordered) > MOST_COMPLETIONS,
        )

    async def _offered(self, name: str, known: dict[str, str]) -> list[str]:
        match name:
            case "id":
                return [one.id for one in (await self._library()).principles]
            case "dimension":
                return list(self._taxonomy.names())
            case "value":
                named = [known["dimension"]] if "dimension" in known else self._taxonomy.names()
                return [value for one in named for value in self._values(one)]
            case _ if name in self._taxonomy.names():
                return self._values(name)
            case _:
                return []

    def _values(self, dimension: str) -> list[str]:
        if dimension not in self._taxonomy.names():
            return []
        return list(self._taxonomy[dimension].values)

    async def _own_rows(self, id: str) -> list[dict[str, Any]]:
        principles = (await self._library()).principles
        own = next((one.ready_criteria() for one in principles if one.id == id), ())
        return [one.model_dump(mode="json") for one in own]

    async def _library(self) -> Library:
        return (await self._entrance.house()).store.library


def add_resources(
    server: GuardedServer, entrance: Entrance, taxonomy: Taxonomy, kept: Kept
) -> None:
    """Offer the resources on a server."""
    offered = HealthResources(entrance, taxonomy, kept)
    for uri, title, read in (
        ("principles://library", "The library", offered.library),
        ("principles://taxonomy", "The taxonomy", offered.taxonomy),
        ("principles://{id}", "A principle", offered.principle),
        ("principles://{dimension}/{value}", "Principles of a scenario", offered.principles_of),
        ("rubrics://{id}", "A rubric", offered.rubric),
    ):
        described = (read.__doc__ or "").split("\n")[0]
        server.resource(uri, title=title, description=described, mime_type=JSON)(read)
    server.completion()(offered.complete)  # type: ignore[no-untyped-call]


def _listed(principle: Principle) -> dict[str, Any]:
    return principle.model_dump(mode="json", include={"id", "statement", "scenario", "status"})


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)
