"""Draws coverage by scenario as a heat map, in a PNG file's bytes."""

import io
from typing import Any

from inference.extras import needed
from principle_store.distilling.coverage import Cell, Coverage, Grid
from rubrics.taxonomy import Taxonomy

GRIDS = (("task_type", "urgency"), ("expertise", "urgency"))
"""What stands down the side, and across."""
DARK = 0.6  # of the colour scale: from here on the writing is white
EMPTY = "#eceff3"


def heat_map(coverage: Coverage, taxonomy: Taxonomy) -> bytes:
    """The picture.

    Raises:
        Lacking: matplotlib is not installed.
    """
    with needed("matplotlib"):
        # Imported here: it takes a second to load, and other commands have no use for it.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    grids = [coverage.grid(taxonomy, down, across) for down, across in GRIDS]
    figure = Figure(figsize=(13, 5.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # draws into memory, whatever screen there is
    widths = [len(grid.columns) for grid in grids]
    for axes, grid in zip(figure.subplots(1, 2, width_ratios=widths), grids, strict=True):
        _draw(axes, grid, bool(coverage.criteria))
    figure.suptitle(f"Coverage: {title_of(coverage)}", fontsize=13)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def title_of(coverage: Coverage) -> str:
    told = f"{len(coverage.rows)} {coverage.of}"
    if coverage.criteria:
        told += f", {coverage.covered} of {coverage.criteria} criteria covered"
    return told


def share(cell: Cell, most: int, has_criteria: bool) -> float | None:
    """How full a cell is, 0 to 1; None where there is nothing to cover."""
    if has_criteria:
        return cell.covered / cell.criteria if cell.criteria else None
    return cell.principles / most if most else None


def most_principles(grid: Grid) -> int:
    return max((cell.principles for cell in grid.cells.values()), default=0)


def _draw(axes: Any, grid: Grid, has_criteria: bool) -> None:
    from matplotlib import colormaps

    colours, most = colormaps["YlGnBu"], most_principles(grid)
    for y, row in enumerate(grid.rows):
        for x, column in enumerate(grid.columns):
            cell = grid.cells[row, column]
            full = share(cell, most, has_criteria)
            # The palest colours are too near to that of a cell without criteria.
            colour = EMPTY if full is None else colours(0.12 + 0.78 * full)
            axes.add_patch(_square(x, y, colour))
            ink = "white" if full is not None and full >= DARK else "#1c2430"
            told = told_of(cell, has_criteria)
            axes.text(x, y, told, ha="center", va="center", color=ink, fontsize=10)
    axes.set(xlim=(-0.5, len(grid.columns) - 0.5), ylim=(len(grid.rows) - 0.5, -0.5))
    across = [spaced(one).replace(" ", "\n") for one in grid.columns]
    axes.set_xticks(range(len(grid.columns)), across)
    axes.set_yticks(range(len(grid.rows)), [spaced(one) for one in grid.rows])
    axes.tick_params(length=0)
    axes.set_title(f"{spaced(grid.down)} by {spaced(grid.across)}", fontsize=11)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _square(x: int, y: int, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, facecolor=colour)


def told_of(cell: Cell, has_criteria: bool) -> str:
    """A cell in words, a line each."""
    principles = f"{cell.principles} principle{'' if cell.principles == 1 else 's'}"
    if not has_criteria:
        return principles
    if not cell.criteria:
        return "no criteria"
    return f"{cell.covered / cell.criteria:.0%}\n{cell.covered} of {cell.criteria}\n{principles}"


def spaced(name: str) -> str:
    return name.replace("_", " ") or "unknown"
