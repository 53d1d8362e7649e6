"""Prints an episode of the agent for people: while it happens, and as a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import ndiff
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from agent.approval import LaidOpen
from agent.events import Event
from agent.state import Attempt, Episode, Flips
from clinalign.render import MARKS, principles_table, scenario_panel, share, table_of
from inference.sentences import sentences_of
from rubrics.types import Rubric, Score

STOPPED = {
    "target_reached": "the score is good enough",
    "no_gain": "the last revision was no better",
    "regression_refused": "the last revision scored better and lost what must not be lost",
    "round_limit": "the rounds are used up; --rounds N allows more",
    "call_budget": "the calls are used up; --calls N allows more",
    "token_budget": "the tokens are used up; --tokens N allows more",
    "time_budget": "the time is over; --seconds N allows more",
    "coverage_too_low": "the judge could decide too few criteria to steer by",
    "needs_information": "a missing fact would change the advice, and the answer asks for it",
}
STEPS = {
    "recall": "principles found",
    "write_rubric": "rubric written",
    "draft": "drafted",
    "assess": "judged",
    "revise": "revised",
}
LONGEST_TAIL = 1200  # characters of an answer that is being written


def show_episode(episode: Episode, policy: str) -> None:
    """The whole path of a question, as a page."""
    console = Console(highlight=False)
    console.print(Panel(escape(episode.conversation.question), title="Question"))
    console.print(scenario_panel(episode.recalled.scenario))
    console.print(principles_table(episode.recalled.principles))
    if episode.written:
        rubric = episode.written.rubric
        console.print(_rubric(rubric, episode.written.written_by, episode.attempts))
        for index, attempt in enumerate(episode.attempts):
            console.print(_attempt(episode, attempt, rubric, index))
    title = f"Answer ({_name(episode.chosen)})" if episode.attempts else "No answer"
    console.print(Panel(escape(episode.answer), title=title, border_style="green"))
    reason = str(episode.stop_reason)
    console.print(f"Stopped: [bold]{reason}[/], {STOPPED[reason]}.")
    console.print(f"Model: {escape(policy)}. Judge: {escape(episode.judge or 'none')}.")
    console.print(f"[dim]The judge: {escape(episode.judge_agreement or 'not asked')}.[/]")
    for note in notes(episode):
        console.print(f"[yellow]Note: {escape(note)}[/]")
    console.print("[dim]Not medical advice; no clinician has reviewed the principles yet.[/]")


def notes(episode: Episode) -> list[str]:
    """What the reader should know beside the answer."""
    found = list(episode.notes)
    if episode.attempts:
        chosen = episode.attempts[episode.chosen]
        found.append(chosen.ungraded)
        cut = "the answer was cut off at the model's token limit"
        found.append(cut if chosen.truncated else "")
    return [note for note in dict.fromkeys(found) if note]


def show_laid_open(laid_open: LaidOpen) -> None:
    """What a clinician decides on."""
    console = Console(highlight=False)
    console.print(Panel(escape(laid_open.answer), title="To be released", border_style="yellow"))
    if laid_open.score:
        console.print(f"[bold]{_fraction(laid_open.score)}[/]")
    mark = {one.criterion_id: MARKS[one.verdict] for one in laid_open.verdicts}
    for one in laid_open.open:
        critical = " [bold]critical[/]" if one.critical else ""
        console.print(f"{mark[one.id]} {one.points:+g}{critical} {escape(one.criterion)}")
    if laid_open.refused:
        console.print(f"[yellow]The newest revision was refused: {STOPPED[laid_open.refused]}.[/]")


@contextmanager
def live() -> Iterator[Any]:
    """A view of what happens, on standard error; it is given each event."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda event: None
        return
    view = _View()
    with Live(view, console=console, refresh_per_second=8, transient=True) as shown:

        def told(event: Event) -> None:
            view.hear(event)
            shown.update(view)

        yield told


class _View:
    """What has happened so far, in a few lines."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._writing, self._judging = "", ""

    def hear(self, event: Event) -> None:
        match event["event"]:
            case "token":
                self._writing += event["text"]
            case "progress":
                self._judging = event["message"]
            case "tool":
                self._done.append(f"called {escape(event['name'])}")
                self._writing = ""
            case "referral":
                self._done.append(f"[bold red]{escape(event['text'])}[/]")
            case "node":
                self._done.append(f"[green]done[/] {STEPS.get(event['node'], event['node'])}")
                self._writing, self._judging = "", ""

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [Text.from_markup(line) for line in self._done]
        parts += [Text(self._judging, style="dim")] if self._judging else []
        parts += [Panel(Text(self._writing[-LONGEST_TAIL:]))] if self._writing else []
        return Group(*parts)


def _rubric(rubric: Rubric, written_by: str, attempts: tuple[Attempt, ...]) -> RenderableType:
    table = table_of(f"Rubric, by {escape(written_by)}", "points", "criterion")
    for index, _ in enumerate(attempts):
        table.add_column(_name(index), no_wrap=True)
    values = [{one.criterion_id: one.verdict for one in attempt.verdicts} for attempt in attempts]
    for criterion in rubric.criteria:
        colour = "green" if criterion.points > 0 else "red"
        marks = [MARKS[value[criterion.id]] for value in values]
        points = f"[{colour}]{criterion.points:+g}[/]"
        table.add_row(points, escape(criterion.criterion), *marks)
    return table


def _attempt(episode: Episode, attempt: Attempt, rubric: Rubric, index: int) -> RenderableType:
    value = {one.criterion_id: one.verdict for one in attempt.verdicts}
    missed = [
        f"[red]-[/] {escape(one.criterion)}"
        for one in rubric.criteria
        if value[one.id] == ("UNMET" if one.points > 0 else "MET")
    ]
    heading = "Missed or objected to:" if missed else "Nothing missed."
    said = "\n".join([f"[bold]{_fraction(attempt.score)}[/]", heading, *missed])
    before = [one for one in episode.attempts[:index] if one.accepted]
    text = _changes(before[-1].answer, attempt.answer) if before else Text(attempt.answer)
    flips = [_flips(episode.flips[index - 1])] if index else []
    body = Group(text, "", Text.from_markup(said), *flips)
    return Panel(body, title=_name(index), border_style="dim")


def _flips(flips: Flips) -> RenderableType:
    gained = ", ".join(one.criterion_id for one in flips.gained) or "nothing"
    lost = ", ".join(one.criterion_id for one in flips.lost) or "nothing"
    kept = "accepted" if flips.accepted else f"refused, {STOPPED[flips.why]}"
    return Text(f"Gained {gained}; lost {lost}: {kept}.", style="dim")


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
    bounds = f"{share(score.lower)} to {share(score.upper)} if all were judged"
    return f"{score.fraction:.0%}, {points} on the {score.coverage:.0%} judged ({bounds})"


def _name(index: int) -> str:
    return "draft" if index == 0 else f"revision {index}"
