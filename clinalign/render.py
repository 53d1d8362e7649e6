"""Prints scores, verdicts and findings for people."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from mcp_server.results import FoundPrinciple, Principles
from rubrics.agreement import Agreement
from rubrics.types import Label, Rubric, Scenario, Score

if TYPE_CHECKING:
    from training.estimate import Estimate

MARKS = {
    "MET": "[green]met[/]",
    "UNMET": "[red]not met[/]",
    "ABSTAIN": "[yellow]open[/]",
    "ERROR": "[magenta]error[/]",
    "NOT_APPLICABLE": "[dim]n/a[/]",
}


def show_score(score: Score) -> None:
    """One score, a line a figure."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE, show_header=False)
    rows = {
        "fraction": share(score.fraction),
        "points": f"{score.earned:g} of {score.possible:g}",
        "between": f"{share(score.lower)} and {share(score.upper)}",
        "coverage": f"{score.coverage:.0%}",
        **{tag: share(fraction) for tag, fraction in score.tags.items()},
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def show_scenario(scenario: Scenario) -> None:
    """The labels of one question."""
    Console(highlight=False).print(scenario_panel(scenario.labels))


def show_found(found: Principles) -> None:
    """What a search brought back."""
    console = Console(highlight=False)
    console.print(scenario_panel(found.scenario))
    console.print(principles_table(found.principles))
    console.print(f"[dim]Library {found.library.version}, {found.library.hash[:12]}.[/]")
    if found.note:
        console.print(f"[yellow]Note: {escape(found.note)}[/]")


def scenario_panel(labels: Mapping[str, Label]) -> RenderableType:
    parts = [
        f"{name} [bold]{label.value or 'unspecified'}[/]"
        + (f" [dim]({label.confidence:.0%}, {label.from_})[/]" if label.value else "")
        for name, label in labels.items()
    ]
    return Panel("\n".join(parts), title="Scenario")


def principles_table(found: Iterable[FoundPrinciple]) -> RenderableType:
    table = table_of("Principles", "fit", "principle and source")
    for one in found:
        sources = "; ".join(f"{source.organisation} {source.year}" for source in one.sources)
        topic = "" if one.on_topic else "  (the next nearest, about something else)"
        name = (one.id, "bold" if one.on_topic else "dim")
        said = Text.assemble(name, (topic, "dim"), f"  {one.statement}\n", (sources, "dim"))
        table.add_row(f"{one.score:.2f}", said)
    return table


def share(fraction: float | None) -> str:
    return "none" if fraction is None else f"{fraction:.0%}"


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.ROUNDED, expand=True)
    for position, column in enumerate(columns):
        table.add_column(column, ratio=1 if position == len(columns) - 1 else None)
    return table


def show_verdicts(rubric: Rubric, data: Mapping[str, Any]) -> None:
    """What a judge said of one answer."""
    console = Console(highlight=False)
    table = table_of("Verdicts", "points", "verdict", "criterion, and what shows it")
    for criterion, verdict in zip(rubric.criteria, data["verdicts"], strict=True):
        colour = "green" if criterion.points > 0 else "red"
        said = Text.assemble(criterion.criterion, ("\n" + verdict["explanation"], "dim"))
        if verdict["quote"]:
            said.append(f"\n“{verdict['quote']}”", "italic")
        if verdict["votes"]:
            votes = ", ".join(f"{times} {name}" for name, times in verdict["votes"].items())
            said.append(f"\nvotes: {votes}", "dim")
        mark = MARKS[verdict["verdict"]]
        table.add_row(f"[{colour}]{criterion.points:+g}[/]", mark, said)
    console.print(table)
    if data["score"]:
        show_score(Score.model_validate(data["score"]))
    else:
        console.print(f"[yellow]Ungraded: {escape(data['reason'])}[/]")
    if data["disagreement"] is not None:
        console.print(f"Votes against the verdicts: {data['disagreement']:.0%}.")
    console.print(f"Judge: {escape(data['judge'])} ({escape(data['judge_agreement'])}).")
    for role, spent in data["spent"].items():
        tokens = f"{spent['prompt_tokens']} prompt ({spent['cached_tokens']} cached)"
        console.print(
            f"[dim]{role}: {spent['calls']} calls, {tokens} and {spent['completion_tokens']} "
            f"completion tokens, {spent['seconds']:.1f} s.[/]"
        )


def show_estimate(found: "Estimate", in_flight: int) -> None:
    """What a batch will cost."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE, show_header=False)
    rows = {
        "rows left": f"{found.rows:,}",
        "calls": f"{found.calls:,}",
        "prompt tokens": f"{found.prompt_tokens:,}",
        "completion tokens": f"{found.completion_tokens:,}",
        "hours": f"{found.hours:,.2f}, {in_flight} at once",
        "money": f"{found.cost:,.2f}" if found.cost else "no --price given",
    }
    if found.questions_read:
        rows["questions to read"] = f"{found.questions_read:,} besides"
    if found.judged_answers:
        rows["answers to judge"] = f"{found.judged_answers:,} besides"
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    console.print(f"[dim]By {escape(found.by)}; tokens err upwards.[/]")


def show_agreement(judge: str, rows: int, found: Agreement, people: Agreement | None) -> None:
    """A judge beside physicians among themselves."""
    table = table_of(f"Agreement with labels, {rows} rows", "", "judge", "physicians")
    for name in ("f1_positive", "f1_negative", "f1_balanced", "kappa", "n", "ungraded"):
        shown = [_figure(getattr(one, name)) if one else "" for one in (found, people)]
        table.add_row(name, *shown)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Judge: {escape(judge)}. Rows that it left open are in no figure but the last.")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


class Advance(Protocol):
    def __call__(self, steps: int, said: str = "") -> None:
        """Hear of steps that are done, and what is to be said beside the bar."""


@contextmanager
def progress(total: int, doing: str = "judging") -> Iterator[Advance]:
    """A bar on standard error with rate and time left; what it gives is told of each step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[said]}[/]"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(doing, total=total, said="")

        def advance(steps: int, said: str = "") -> None:
            bar.advance(task, steps)
            if said:
                bar.update(task, said=said)

        yield advance


def _figure(value: float | int | None) -> str:
    return (
        "undefined" if value is None else f"{value:.3f}" if isinstance(value, float) else f"{value}"
    )
