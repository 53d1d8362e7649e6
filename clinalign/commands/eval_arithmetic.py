"""`clinalign eval aggregate` and `eval meta`: arithmetic alone; asks nobody."""

import json
from collections.abc import Mapping

from clinalign.commands.files import read_lines
from clinalign.render import table_of
from evaluation.aggregate import Graded, aggregated
from evaluation.meta import Predicted, agreements
from inference.errors import BadInput
from inference.words import read

FIELDS = ("category", "prediction", "labels")


def aggregate(file: str, seed: int, as_json: bool) -> None:
    """Add up graded examples by HealthBench's rules.

    Raises:
        BadInput: a row cannot be used; it names the line.
    """
    rows = [
        Graded.of(row, f"GRADED {file} line {number}") for number, row in read_lines(file, "GRADED")
    ]
    if not rows:
        raise BadInput(f"GRADED {file}", "at least one row")
    found = aggregated(rows, seed)
    if as_json:
        print(found.model_dump_json())
    else:
        _show("HealthBench's figures", found.metrics, found.ungraded, len(rows))


def meta(file: str, as_json: bool) -> None:
    """Compare predictions with physicians' labels by the meta-evaluation's rules.

    Raises:
        BadInput: a row cannot be used; it names the line.
    """
    rows = [
        read(Predicted, {name: row[name] for name in FIELDS if name in row}, f"line {number}")
        for number, row in read_lines(file, "--from-verdicts")
    ]
    if not rows:
        raise BadInput(f"--from-verdicts {file}", "at least one row")
    found = agreements(rows)
    if as_json:
        print(json.dumps(found.model_dump()))
    else:
        _show("Agreement with physicians", found.metrics, found.ungraded, len(rows))


def _show(title: str, metrics: Mapping[str, float], ungraded: int, rows: int) -> None:
    from rich.console import Console

    table = table_of(title, "figure", "value", "n", "error")
    for name, value in metrics.items():
        if not name.endswith((":n_samples", ":bootstrap_std")):
            number, error = metrics.get(f"{name}:n_samples"), metrics.get(f"{name}:bootstrap_std")
            shown = ["" if number is None else f"{number:.0f}", _shown(error)]
            table.add_row(name, _shown(value), *shown)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{ungraded} of {rows} rows are ungraded, and in no figure")


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3f}"
