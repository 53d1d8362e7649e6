"""Prints an episode and a score for people."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import ndiff
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
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

from agent.state import Attempt, Episode, best
from inference.sentences import sentences_of
from mcp_server.results import FoundPrinciple, Principles
from rubrics.agreement import Agreement
from rubrics.types import Label, Rubric, Scenario, Score

STOPPED = {
    "target_reached": "the score is good enough",
    "no_gain": "the last revision was no better",
    "round_limit": "the rounds are used up; --rounds N allows more",
    "coverage_too_low": "the judge could decide too few criteria to steer by",
}
MARKS = {
    "MET": "[green]met[/]",
    "UNMET": "[red]not met[/]",
    "ABSTAIN": "[yellow]open[/]",
    "ERROR": "[magenta]error[/]",
    "NOT_APPLICABLE": "[dim]n/a[/]",
}


def show_episode(episode: Episode, policy: str) -> None:
    """The whole path of a question, as a page."""
    console = Console(highlight=False)
    attempts, rubric = episode["attempts"], episode["written"].rubric
    chosen = best(attempts)
    console.print(Panel(escape(episode["conversation"].question), title="Question"))
    console.print(_scenario(episode["recalled"].scenario))
    console.print(_principles(episode["recalled"].principles))
    console.print(_rubric(rubric, episode["written"].written_by, attempts))
    before = ""
    for index, attempt in enumerate(attempts):
        console.print(_attempt(attempt, before, rubric, index))
        before = attempts[best(attempts[: index + 1])].answer
    title = f"Answer ({_name(chosen)})"
    console.print(Panel(escape(attempts[chosen].answer), title=title, border_style="green"))
    reason = str(episode["stop_reason"])
    console.print(f"Stopped: [bold]{reason}[/], {STOPPED[reason]}.")
    console.print(f"Model: {escape(policy)}. Judge: {escape(episode.get('judge', 'none'))}.")
    console.print(f"[dim]The judge: {escape(episode.get('judge_agreement', 'not asked'))}.[/]")
    found = episode["recalled"].note, episode["written"].note, attempts[chosen].ungraded
    for note in found:
        if note:
            console.print(f"[yellow]Note: {escape(note)}[/]")
    console.print("[dim]Not medical advice; no clinician has reviewed the principles yet.[/]")


def show_score(score: Score) -> None:
    """One score, a line a figure."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE, show_header=False)
    rows = {
        "fraction": _share(score.fraction),
        "points": f"{score.earned:g} of {score.possible:g}",
        "between": f"{_share(score.lower)} and {_share(score.upper)}",
        "coverage": f"{score.coverage:.0%}",
        **{tag: _share(fraction) for tag, fraction in score.tags.items()},
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def show_scenario(scenario: Scenario) -> None:
    """The labels of one question."""
    Console(highlight=False).print(_scenario(scenario.labels))


def show_found(found: Principles) -> None:
    """What a search brought back."""
    console = Console(highlight=False)
    console.print(_scenario(found.scenario))
    console.print(_principles(found.principles))
    console.print(f"[dim]Library {found.library.version}, {found.library.hash[:12]}.[/]")
    if found.note:
        console.print(f"[yellow]Note: {escape(found.note)}[/]")


def _scenario(labels: Mapping[str, Label]) -> RenderableType:
    parts = [
        f"{name} [bold]{label.value or 'unspecified'}[/]"
        + (f" [dim]({label.confidence:.0%}, {label.from_})[/]" if label.value else "")
        for name, label in labels.items()
    ]
    return Panel("\n".join(parts), title="Scenario")


def _principles(found: Iterable[FoundPrinciple]) -> RenderableType:
    table = _table("Principles", "fit", "principle and source")
    for one in found:
        sources = "; ".join(f"{source.organisation} {source.year}" for source in one.sources)
        topic = "" if one.on_topic else "  (the next nearest, about something else)"
        name = (one.id, "bold" if one.on_topic else "dim")
        said = Text.assemble(name, (topic, "dim"), f"  {one.statement}\n", (sources, "dim"))
        table.add_row(f"{one.score:.2f}", said)
    return table


def _rubric(rubric: Rubric, written_by: str, attempts: tuple[Attempt, ...]) -> RenderableType:
    table = _table(f"Rubric, by {escape(written_by)}", "points", "criterion")
    for index, _ in enumerate(attempts):
        table.add_column(_name(index), no_wrap=True)
    values = [{one.criterion_id: one.verdict for one in attempt.verdicts} for attempt in attempts]
    for criterion in rubric.criteria:
        colour = "green" if criterion.points > 0 else "red"
        marks = [MARKS[value[criterion.id]] for value in values]
        points = f"[{colour}]{criterion.points:+g}[/]"
        table.add_row(points, escape(criterion.criterion), *marks)
    return table


def _attempt(attempt: Attempt, before: str, rubric: Rubric, index: int) -> RenderableType:
    value = {one.criterion_id: one.verdict for one in attempt.verdicts}
    missed = [
        f"[red]-[/] {escape(one.criterion)}"
        for one in rubric.criteria
        if value[one.id] == ("UNMET" if one.points > 0 else "MET")
    ]
    heading = "Missed or objected to:" if missed else "Nothing missed."
    said = "\n".join([f"[bold]{_fraction(attempt.score)}[/]", heading, *missed])
    text = _changes(before, attempt.answer) if before else Text(attempt.answer)
    return Panel(Group(text, "", Text.from_markup(said)), title=_name(index), border_style="dim")


def _changes(before: str, after: str) -> RenderableType:
    """The sentences that a revision added and took out; what stayed is not shown again."""
    lines = [
        Text(line, style="green" if line[0] == "+" else "red")
        for line in ndiff(sentences_of(before), sentences_of(after))
        if line[0] in "+-"
    ]
    return Group(*lines) if lines else Text("(no change)", style="dim")


def _fraction(score: Score) -> str:
    if score.fraction is None:
        return "no score"
    points = f"{score.earned:g} of {score.possible:g} points"
    if score.coverage == 1:
        return f"{score.fraction:.0%}, {points}"
    bounds = f"{_share(score.lower)} to {_share(score.upper)} if all were judged"
    return f"{score.fraction:.0%}, {points} on the {score.coverage:.0%} judged ({bounds})"


def _name(index: int) -> str:
    return "draft" if index == 0 else f"revision {index}"


def _share(fraction: float | None) -> str:
    return "none" if fraction is None else f"{fraction:.0%}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.ROUNDED, expand=True)
    for position, column in enumerate(columns):
        table.add_column(column, ratio=1 if position == len(columns) - 1 else None)
    return table


def show_verdicts(rubric: Rubric, data: Mapping[str, Any]) -> None:
    """What a judge said of one answer."""
    console = Console(highlight=False)
    table = _table("Verdicts", "points", "verdict", "criterion, and what shows it")
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


def show_agreement(judge: str, rows: int, found: Agreement, people: Agreement | None) -> None:
    """A judge beside physicians among themselves."""
    table = _table(f"Agreement with labels, {rows} rows", "", "judge", "physicians")
    for name in ("f1_positive", "f1_negative", "f1_balanced", "kappa", "n", "ungraded"):
        shown = [_figure(getattr(one, name)) if one else "" for one in (found, people)]
        table.add_row(name, *shown)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Judge: {escape(judge)}. Rows that it left open are in no figure but the last.")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error with rate and time left; what it gives is told of each step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("judging", total=total)
        yield lambda steps: bar.advance(task, steps)


def _figure(value: float | int | None) -> str:
    return (
        "undefined" if value is None else f"{value:.3f}" if isinstance(value, float) else f"{value}"
    )
