"""`clinalign doctor`: one screen that says what works, and what to do about the rest."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clinalign.checks import Check
from clinalign.doctor import Visit, examined

MARKS = {"ok": ("ok", "green"), "warning": ("look", "yellow"), "failed": ("failed", "bold red")}


def run(visit: Visit, as_json: bool) -> None:
    """Print every check.

    Raises:
        SystemExit: with 1, when a check failed.
    """
    waiting: AbstractContextManager[object] = nullcontext()
    if not as_json:
        waiting = Console(stderr=True).status("Looking around; this starts servers.")
    with waiting:
        checks = examined(visit)
    ok = all(check.status != "failed" for check in checks)
    if as_json:
        data = {"ok": ok, "checks": [check.model_dump() for check in checks]}
        print(json.dumps(data, ensure_ascii=False))
    else:
        _show(checks, visit.machine.home)
    if not ok:
        raise SystemExit(1)


def _show(checks: Sequence[Check], home: Path) -> None:
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in ("mark", "name"):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        said = Text(check.found.replace(str(home), "~"))
        if check.fix:
            said.append(f"\n{check.fix}", MARKS[check.status][1])
        table.add_row(Text(*MARKS[check.status]), Text(check.name), said)
    console.print(table)
    failed = sum(check.status == "failed" for check in checks)
    looks = sum(check.status == "warning" for check in checks)
    console.print(
        f"[bold red]{failed} failed[/], {looks} to look at."
        if failed
        else f"[green]Nothing failed[/], {looks} to look at."
    )
