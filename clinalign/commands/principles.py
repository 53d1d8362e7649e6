"""`clinalign principles ...` and `clinalign scenario`: the library, and what it finds."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from clinalign.commands.files import read_lines
from clinalign.parts import open_library, open_reading, open_tools
from clinalign.render import show_found, show_scenario
from clinalign.settings import Settings
from inference.embedding import MemoEmbedder, OnnxEmbedder
from inference.errors import ClinalignError
from inference.messages import Conversation
from inference.words import read
from mcp_server.results import Principles
from principle_store.checking import problems
from principle_store.loading import load_taxonomy
from principle_store.overlay import Change
from rubrics.builtin_judge import BuiltinJudge
from rubrics.types import Scenario


class LibraryRefused(ClinalignError):
    """The library has problems that must be mended first."""


def check(overlay: str) -> None:
    """Look for what is wrong with the library, or with what overlays change of it.

    Raises:
        BadInput: a file or a principle cannot be read.
        LibraryRefused: there are problems; they were printed.
    """
    laid = open_library(Settings.from_environment(overlay=overlay), load_taxonomy())
    library = laid.library
    for change in laid.changes:
        print(_told(change))
    embedder = MemoEmbedder(OnnxEmbedder())
    changed = frozenset(change.principle_id for change in laid.changes)
    found = asyncio.run(problems(library, embedder, BuiltinJudge(embedder), changed))
    for problem in found:
        print(f"{problem.principle_id}: {problem.kind}: {problem.reason}")
    looked_at = len(changed) or len(library.principles)
    if found:
        raise LibraryRefused(f"{len(found)} problems in {looked_at} principles")
    print(f"{looked_at} principles, no problems")


def search(question: str, labels: Mapping[str, str], k: int, overlay: str, as_json: bool) -> None:
    """Print the principles that belong to a question.

    Raises:
        BadInput: the question or a label cannot be used.
    """
    asked, taxonomy = _question(question), load_taxonomy()
    for name, value in labels.items():
        taxonomy.check(name, value)
    found = asyncio.run(_search(asked, labels, k, overlay))
    if as_json:
        shown = {"id", "statement", "score", "why", "sources"}
        rows = [one.model_dump(mode="json", include=shown) for one in found.principles]
        stamp = found.library.model_dump()
        print(_json({"scenario": scenario_data(found), "principles": rows, "library": stamp}))
    else:
        show_found(found)


def scenario(question: str, path: str, as_json: bool) -> None:
    """Print the scenario of a question, or of each conversation of a file, a line a row.

    Raises:
        BadInput: the question, or a row of the file, cannot be used.
    """
    if path:
        rows = read_lines(path, "--file")
        asked = [
            read(Conversation, {"messages": row.get("prompt")}, f"--file line {number}: prompt")
            for number, row in rows
        ]
    else:
        asked = [_question(question)]
    for labels in asyncio.run(_scenarios(asked)):
        if as_json:
            print(_json(labels.as_json()))
        else:
            show_scenario(labels)


def scenario_data(found: Principles) -> dict[str, Any]:
    """The scenario as JSON writes it."""
    return {name: label.model_dump(by_alias=True) for name, label in found.scenario.items()}


async def _scenarios(asked: Sequence[Conversation]) -> list[Scenario]:
    async with open_reading(Settings.from_environment()) as reader:
        return [(await reader.read(one)).scenario for one in asked]


async def _search(
    asked: Conversation, labels: Mapping[str, str], k: int, overlay: str
) -> Principles:
    async with open_tools(Settings.from_environment(overlay=overlay)) as tools:
        return await tools.get_health_principles(asked, k, labels)


def _told(change: Change) -> str:
    what = f"changes {', '.join(change.fields)}" if change.fields else "is new"
    over = f", overruling {change.overrules}" if change.overrules else ""
    return f"{change.principle_id}: {what} (overlay {change.overlay}{over})"


def _question(question: str) -> Conversation:
    return read(Conversation, {"messages": [{"role": "user", "content": question}]}, "question")


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)
