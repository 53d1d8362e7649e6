"""Coverage as one HTML page that needs no network and no other file."""

from html import escape
from importlib.resources import files

from inference.templates import fill
from principle_store.distilling.coverage import Coverage, Gap, Grid, Row
from principle_store.distilling.picture import (
    GRIDS,
    most_principles,
    share,
    spaced,
    title_of,
    told_of,
)
from rubrics.taxonomy import Taxonomy

PAGE = (files("principle_store.distilling") / "page.html").read_text(encoding="utf-8")


def page_of(coverage: Coverage, taxonomy: Taxonomy) -> str:
    """The page's text."""
    grids = [coverage.grid(taxonomy, down, across) for down, across in GRIDS]
    has_criteria = bool(coverage.criteria)
    return fill(
        PAGE,
        title=escape(title_of(coverage)),
        grids="\n  ".join(_grid(one, has_criteria) for one in grids),
        rows="\n    ".join(map(_row, coverage.rows)),
        gaps=_gaps(coverage),
    )


def _grid(grid: Grid, has_criteria: bool) -> str:
    head = "".join(f"<th>{_name(one)}</th>" for one in grid.columns)
    most = most_principles(grid)
    lines = []
    for row in grid.rows:
        cells = "".join(_cell(grid, row, column, most, has_criteria) for column in grid.columns)
        lines.append(f"<tr><th>{_name(row)}</th>{cells}</tr>")
    title = f"{_name(grid.down)} by {_name(grid.across)}"
    return (
        f'<h2>{title}</h2>\n  <div class="wide"><table class="grid">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(grid: Grid, row: str, column: str, most: int, has_criteria: bool) -> str:
    cell = grid.cells[row, column]
    told = "<br>".join(told_of(cell, has_criteria).split("\n"))
    full = share(cell, most, has_criteria)
    if full is None:
        return f'<td class="none">{told}</td>'
    return f'<td style="--full:{full:.2f}">{told}</td>'


def _row(row: Row) -> str:
    support = "" if row.support is None else str(row.support)
    told = "not evaluated" if row.relation else ""
    agreement = told if row.agreement is None else f"{row.agreement:.0%}"
    return (
        f'<tr><td class="number">{support}</td><td>{escape(row.relation)}</td>'
        f'<td class="number">{agreement}</td>'
        f"<td>{escape(row.statement)}<br><code>{escape(row.id)}</code></td></tr>"
    )


def _gaps(coverage: Coverage) -> str:
    if not coverage.criteria:
        return "<p>No rubrics were given.</p>"
    single = f"<p>{coverage.single} more criteria stand alone.</p>"
    rows = "".join(map(_gap, sorted(coverage.gaps, key=lambda one: -one.size)))
    if not rows:
        return f"<p>No cluster.</p>{single}"
    head = "<thead><tr><th>criteria</th><th>the most typical one</th></tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{rows}</tbody></table></div>{single}'


def _gap(gap: Gap) -> str:
    return f'<tr><td class="number">{gap.size}</td><td>{escape(gap.most_typical)}</td></tr>'


def _name(name: str) -> str:
    return escape(spaced(name))
