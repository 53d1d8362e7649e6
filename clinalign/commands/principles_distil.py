"""`clinalign principles distil` and `report`: principles out of rubrics, and what they cover."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from clinalign.commands.files import read_lines, read_text, write_text
from clinalign.models import open_vectors
from clinalign.parts import connected_chat, open_library, open_reading
from clinalign.render import share, table_of
from clinalign.settings import Settings
from inference.errors import BadInput, StorageError
from inference.ledger import Ledger, Metered
from inference.whole_files import write_whole
from principle_store.distilling.coverage import (
    Coverage,
    as_proposed,
    known_library,
    known_proposals,
    of_rubrics,
    without_rubrics,
)
from principle_store.distilling.file import Made, as_yaml, proposed_in
from principle_store.distilling.library import Shelf
from principle_store.distilling.page import page_of
from principle_store.distilling.picture import GRIDS, heat_map, spaced, told_of
from principle_store.distilling.proposing import Distiller
from principle_store.distilling.rows import gathered
from principle_store.distilling.words import Distilled, Gathered
from principle_store.distilling.writer import DistillingWriter
from principle_store.loading import load_taxonomy
from principle_store.types import LibraryStamp
from rubrics.glossary import load_glossaries
from rubrics.model_judge import ModelJudge
from rubrics.taxonomy import Taxonomy

RUBRICS = "RUBRICS"
PAGE, PICTURE = "coverage.html", "coverage.png"


def distil(file: str, out: str, settings: Settings, budget: int | None, as_json: bool) -> None:
    """Write the principles that the rubrics of a file come from.

    Raises:
        ClinalignError: a file, a row, a model or the data folder cannot be used.
    """
    if not out:
        raise BadInput("--out", "a file for the proposals")
    if Path(out).exists():
        raise BadInput("--out", "a file that is not there yet", out)
    ledger = Ledger()
    found, made = asyncio.run(_distilled(file, settings, budget, ledger))
    write_text(Path(out), as_yaml(found, made, load_taxonomy()))
    if as_json:
        print(json.dumps({**_counts(found), "spent": ledger.as_data()}))
    else:
        _show(found, out)


def report(proposed: str, rubrics: str, out: str, settings: Settings, as_json: bool) -> None:
    """Tell how far principles cover the scenarios: a table, a picture, a page.

    Raises:
        ClinalignError: a file, a row or a folder cannot be used.
    """
    if not out:
        raise BadInput("--out", "a folder for the report")
    taxonomy = load_taxonomy()
    coverage = _coverage(proposed, rubrics, settings, taxonomy)
    picture, page = heat_map(coverage, taxonomy), page_of(coverage, taxonomy)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / PICTURE, picture)
        write_whole(folder / PAGE, page.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{folder} cannot be written ({error.strerror})") from error
    if as_json:
        print(json.dumps(coverage.model_dump(mode="json"), ensure_ascii=False))
    else:
        _show_coverage(coverage, taxonomy)
        print(f"{folder / PICTURE} and {folder / PAGE}")


async def _distilled(
    file: str, settings: Settings, budget: int | None, ledger: Ledger
) -> tuple[Distilled, Made]:
    rows = await _rows(file, settings)
    library = open_library(settings, load_taxonomy()).library
    vectors = open_vectors(settings)
    async with AsyncExitStack() as closing:
        writing = await connected_chat(settings.writer, closing, bulk=True)
        judging = await connected_chat(settings.judge, closing, bulk=True) if writing else None
        writer = DistillingWriter(Metered(writing, ledger, "writer")) if writing else None
        judge = ModelJudge(Metered(judging, ledger, "judge")) if judging else None
        shelf = Shelf(library, vectors.texts)
        distiller = Distiller(vectors.questions, shelf, load_glossaries(), writer, judge)
        found = await distiller.distil(rows, budget)
    made = Made(
        rubrics=Path(file).name,
        rows=len({one.line for one in rows}),
        criteria=len(rows),
        writer=writer.name if writer else "none",
        judge=judge.name if judge else "none",
        embedder=vectors.id,
        library=LibraryStamp(version=library.version, hash=library.hash),
    )
    return found, made


async def _rows(file: str, settings: Settings) -> tuple[Gathered, ...]:
    async with open_reading(settings) as reader:
        return await gathered(read_lines(file, RUBRICS), f"{RUBRICS} {file}", reader)


def _coverage(proposed: str, rubrics: str, settings: Settings, taxonomy: Taxonomy) -> Coverage:
    file = proposed_in(read_text(proposed, "PROPOSED"), proposed) if proposed else None
    if file and not rubrics:
        return as_proposed(file)
    library = open_library(settings, taxonomy).library
    known = known_proposals(file) if file else known_library(library)
    if not rubrics:
        return without_rubrics(known)
    rows = asyncio.run(_rows(rubrics, settings))
    return of_rubrics(known, rows, open_vectors(settings).questions, load_glossaries())


def _counts(found: Distilled) -> dict[str, Any]:
    relations = [one.nearest.relation for one in found.proposals]
    return {
        "criteria": len(found.gathered),
        "proposals": len(found.proposals),
        **{relation: relations.count(relation) for relation in ("new", "refines", "duplicate")},
        "evaluated": sum(one.evaluation is not None for one in found.proposals),
        "covered": sum(len(one.cluster.members) for one in found.proposals),
        "uncovered_clusters": len(found.left),
        "single": len(found.single),
    }


def _show(found: Distilled, out: str) -> None:
    table = table_of("Proposed principles", "criteria", "library", "agreement", "statement")
    for one in found.proposals:
        beside = one.nearest
        agreement = share(one.evaluation.agreement) if one.evaluation else "not evaluated"
        nearest = "" if beside.relation == "new" else f"\n{beside.principle_id}"
        said = Text.assemble(one.draft.statement, (nearest, "dim"))
        table.add_row(str(len(one.cluster.members)), beside.relation, agreement, said)
    Console(highlight=False).print(table)
    counts = {name: number for name, number in _counts(found).items() if number}
    print(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))
    print(f"Proposals in {out}; drafts without sources, to be read by a person.")


def _show_coverage(coverage: Coverage, taxonomy: Taxonomy) -> None:
    console, has_criteria = Console(highlight=False), bool(coverage.criteria)
    for down, across in GRIDS:
        grid = coverage.grid(taxonomy, down, across)
        title = f"Coverage of {coverage.of}: {spaced(down)} by {spaced(across)}"
        table = table_of(escape(title), "", *map(spaced, grid.columns))
        for row in grid.rows:
            told = (told_of(grid.cells[row, one], has_criteria) for one in grid.columns)
            table.add_row(spaced(row), *told)
        console.print(table)
    if not has_criteria:
        return
    table = table_of("Principles", "criteria", "library", "statement")
    for one in sorted(coverage.rows, key=lambda one: -(one.support or 0)):
        if one.support:
            table.add_row(str(one.support), one.relation, escape(one.statement))
    console.print(table)
    table = table_of("Clusters that stayed uncovered", "criteria", "the most typical one")
    for gap in sorted(coverage.gaps, key=lambda one: -one.size):
        table.add_row(str(gap.size), escape(gap.most_typical))
    console.print(table)
    print(f"{coverage.single} uncovered criteria stand alone.")
