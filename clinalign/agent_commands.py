"""The command that answers questions, and its options."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clinalign.model_commands import NoFind
from clinalign.options import AsJson, BaseUrl, Debug, InFlight, LocalOnly, Model, Overlay, Writing
from clinalign.telling import told
from inference.errors import BadInput

if TYPE_CHECKING:
    from clinalign.settings import Settings


def ask(
    question: Annotated[str, typer.Argument(help="The health question.")] = "",
    conversation: Annotated[
        str, typer.Option(help="A JSON file with the turns so far: [{role, content}, ...].")
    ] = "",
    file: Annotated[
        str, typer.Option(help="A JSONL file of questions instead: rows with `prompt`.")
    ] = "",
    out: Annotated[str, typer.Option(help="Where the answers go; run again to go on.")] = "",
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Score draft and answer by the rows' own rubrics as well."),
    ] = False,
    in_flight: InFlight = 8,
    rounds: Annotated[int, typer.Option(min=0, max=10, help="Revisions at most.")] = 2,
    target: Annotated[float, typer.Option(help="A fraction that is good enough.")] = 0.9,
    calls: Annotated[
        int | None, typer.Option(min=1, help="Calls of policy and writer at most.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens that they write at most.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Of work at most.")] = None,
    thread: Annotated[
        str, typer.Option(help="Keep the work under this name, or go on with what is kept.")
    ] = "",
    approve: Annotated[
        bool, typer.Option("--approve", help="Wait for a clinician before the answer is released.")
    ] = False,
    writing: Writing = "",
    tools: Annotated[
        str,
        typer.Option(help="graph: tools are called step by step; model: by the model itself."),
    ] = "",
    stream: Annotated[str, typer.Option(help="jsonl: print what happens, an object a line.")] = "",
    no_find: NoFind = False,
    local_only: LocalOnly = False,
    base_url: BaseUrl = "",
    model: Model = "",
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer a question: principles, rubric, draft, verdicts, revisions."""

    def run() -> None:
        from clinalign.settings import Settings

        if stream not in ("", "jsonl"):
            raise BadInput("--stream", "jsonl", stream)
        limits = _limits(rounds=rounds, target=target, calls=calls, tokens=tokens, seconds=seconds)
        settings = completed_settings(
            Settings.from_environment(
                base_url=base_url,
                model=model,
                overlay=overlay,
                local_only=local_only,
                writing=writing,
                tools_by=tools,
            ),
            not no_find,
        )
        if file or out:
            from clinalign.commands import ask_batch

            if question or conversation or thread or approve or stream:
                raise BadInput("--file", "no question, thread or stream beside it")
            ask_batch.run(file, out, settings, limits, in_flight, measure, as_json)
            return
        from clinalign.commands import ask

        output: Literal["page", "json", "events"] = "json" if as_json else "page"
        way = ask.Way(
            limits=limits,
            thread=thread,
            approve=approve,
            output="events" if stream else output,
        )
        ask.run(question, conversation, settings, way)

    told(run, debug)


def completed_settings(settings: "Settings", find: bool) -> "Settings":
    """The settings with a model of this machine for roles that have none, said in one line."""
    import asyncio
    import sys

    from clinalign.finding import completed

    done = asyncio.run(completed(settings, find and settings.finds_model))
    if done.said:
        print(done.said, file=sys.stderr)
    return done.settings


def _limits(**given: Any) -> Any:
    from agent.state import Limits
    from inference.words import read

    return read(Limits, given, "limits")
