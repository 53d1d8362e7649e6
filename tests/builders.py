"""Small makers, so that a test shows all it needs on one screen."""

from pathlib import Path

from mcp_server.house import House, always
from mcp_server.server import HealthServer, build_server
from principle_store.store import PrincipleStore
from rubrics.judge import Judge
from rubrics.reading import ScenarioReader
from rubrics.types import Criterion, Rubric, Verdict

NOWHERE = Path("/nonexistent/clinalign")


def rubric(**points: float) -> Rubric:
    """A rubric with one criterion a name."""
    return Rubric(
        criteria=tuple(
            Criterion(id=name, criterion=name.replace("_", " "), points=value)
            for name, value in points.items()
        )
    )


def verdicts(**said: bool | str) -> tuple[Verdict, ...]:
    """A verdict a name: True for MET, False for UNMET, or the value itself."""
    values = {True: "MET", False: "UNMET"}
    return tuple(
        Verdict.model_validate(
            {"criterion_id": name, "verdict": values[value] if isinstance(value, bool) else value}
        )
        for name, value in said.items()
    )


def server_of(
    store: PrincipleStore, reader: ScenarioReader, judge: Judge | None, data_dir: Path = NOWHERE
) -> HealthServer:
    """The MCP server on these parts; without a judge the caller judges."""
    return build_server(House.of(store, reader, always(judge), _nothing), data_dir)


async def _nothing() -> None:
    """There is nothing to close."""
