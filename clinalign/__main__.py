"""The command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from typing import Annotated

import typer

from clinalign.agent_commands import ask
from clinalign.eval_commands import evaluate
from clinalign.judge_commands import judge, rubrics
from clinalign.model_commands import model as models
from clinalign.options import AsJson, Debug, Label, Overlay
from clinalign.principle_commands import distil, report
from clinalign.server_commands import doctor, install
from clinalign.settings import quiet_libraries
from clinalign.telling import told
from clinalign.train_commands import train
from clinalign.training_commands import pairs, synthesize
from inference.errors import BadInput

app = typer.Typer(
    help="Answers to health questions, drafted, judged and revised by rubrics made from sourced "
    "clinical principles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    http: Annotated[
        str, typer.Option(help="Serve over HTTP at this address, such as 127.0.0.1:8765.")
    ] = "",
    chat: Annotated[
        str,
        typer.Option(help="Serve the agent as an OpenAI-compatible model there, 127.0.0.1:8770."),
    ] = "",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name it answers to; may be repeated.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="A page that may call it, such as https://app.example.org; repeated."),
    ] = None,
    calls_per_second: Annotated[
        float | None,
        typer.Option(min=0, help="Of one client; 0 for no limit. Default: 50, none on loopback."),
    ] = None,
    overlay: Overlay = "",
    debug: Debug = False,
) -> None:
    """Serve the MCP tools over stdio, for Claude Desktop and other clients; or over HTTP."""

    def run() -> None:
        from clinalign.commands import serve

        if http and chat:
            raise BadInput("--http and --chat", "one of the two; start a server for each")
        if http:
            serve.run_http(http, allow_host or (), allow_origin or (), calls_per_second, overlay)
        elif chat:
            serve.run_chat(chat, allow_host or (), allow_origin or (), calls_per_second, overlay)
        else:
            serve.run(overlay)

    told(run, debug)


@app.command()
def score(
    rubric: Annotated[str, typer.Option(help="A JSON list of criteria in HealthBench's shape.")],
    verdicts: Annotated[
        str, typer.Option(help="A JSON list of {criterion_id, verdict, explanation, quote}.")
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Score the judged criteria alone.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Add up verdicts: the arithmetic alone, asking nobody."""

    def run() -> None:
        from clinalign.commands import score

        score.run(rubric, verdicts, partial, as_json)

    told(run, debug)


principles = typer.Typer(help="The library of principles.", no_args_is_help=True)
app.add_typer(principles, name="principles")


@principles.command("check")
def principles_check(overlay: Overlay = "", debug: Debug = False) -> None:
    """Look through the library for what is wrong with it."""

    def run() -> None:
        from clinalign.commands import principles

        principles.check(overlay)

    told(run, debug)


@principles.command("search")
def principles_search(
    question: Annotated[str, typer.Argument(help="The health question.")],
    urgency: Label = "",
    uncertainty: Label = "",
    expertise: Label = "",
    task_type: Label = "",
    k: Annotated[int, typer.Option(min=1, max=20, help="How many principles at most.")] = 8,
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Find the principles that belong to a question."""

    def run() -> None:
        from clinalign.commands import principles

        given = {"urgency": urgency, "uncertainty": uncertainty}
        given |= {"expertise": expertise, "task_type": task_type}
        principles.search(question, given, k, overlay, as_json)

    told(run, debug)


@principles.command("export")
def principles_export(
    out: Annotated[str, typer.Argument(help="The file to write.")],
    form: Annotated[
        str, typer.Option("--format", help="clinalign: whole; principles_v1: a plain list.")
    ] = "clinalign",
    overlay: Overlay = "",
    debug: Debug = False,
) -> None:
    """Write the library into one file."""

    def run() -> None:
        from clinalign.commands import exchange

        exchange.export(form, out, overlay)

    told(run, debug)


@principles.command("import")
def principles_import(
    file: Annotated[str, typer.Argument(help="Principles in either format: JSON, JSONL or YAML.")],
    into: Annotated[str, typer.Option(help="The overlay folder to write them to.")],
    source: Annotated[
        str,
        typer.Option(
            help="Of records that bring none: 'ORGANISATION | TITLE | YEAR | https://...'."
        ),
    ] = "",
    debug: Debug = False,
) -> None:
    """Take principles from a file into an overlay; all of them or none."""

    def run() -> None:
        from clinalign.commands import exchange

        exchange.take_in(file, into, source)

    told(run, debug)


@principles.command("catalogue")
def principles_catalogue(
    out: Annotated[str, typer.Argument(help="The HTML file to write.")],
    overlay: Overlay = "",
    debug: Debug = False,
) -> None:
    """Write the library as one page to leaf through in a browser."""

    def run() -> None:
        from clinalign.commands import exchange

        exchange.catalogue(out, overlay)

    told(run, debug)


@app.command()
def scenario(
    question: Annotated[str, typer.Argument(help="The health question.")] = "",
    file: Annotated[
        str, typer.Option(help="A JSONL file instead: rows with `prompt`, a conversation.")
    ] = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Read the scenario of a question: urgency, uncertainty, expertise, task type."""

    def run() -> None:
        from clinalign.commands import principles

        principles.scenario(question, file, as_json)

    told(run, debug)


principles.command()(distil)
principles.command()(report)
app.command()(ask)
app.command()(synthesize)
app.command()(pairs)
app.command()(install)
app.command()(doctor)
app.add_typer(models)
app.add_typer(judge)
app.add_typer(rubrics)
app.add_typer(train)
app.add_typer(evaluate)


def main() -> None:
    """Start the command line."""
    quiet_libraries()
    app()


if __name__ == "__main__":
    main()
