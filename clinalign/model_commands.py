"""The commands about models, and their options."""

from typing import Annotated

import typer

from clinalign.options import AsJson, BaseUrl, Debug, Model
from clinalign.telling import told

model = typer.Typer(
    name="model", help="Models: which are here, and how to serve one.", no_args_is_help=True
)

NoFind = Annotated[
    bool, typer.Option("--no-find", help="Use no model that merely happens to run here.")
]


@model.command("list")
def list_models(
    base_url: BaseUrl = "",
    model: Model = "",
    no_find: NoFind = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show which servers run on this machine, and what each role would use."""

    def run() -> None:
        from clinalign.commands import model as command

        command.list_models(base_url, model, not no_find, as_json)

    told(run, debug)


@model.command("serve")
def serve(
    name: Annotated[str, typer.Argument(help="On the Hugging Face hub, or a folder.")],
    only_print: Annotated[
        bool, typer.Option("--print/--run", help="Print the command, or become it.")
    ] = True,
    port: Annotated[int, typer.Option(help="Of 127.0.0.1.")] = 8000,
    gpu_memory: Annotated[
        float | None, typer.Option(help="Share of the GPUs' memory, such as 0.8.")
    ] = None,
    max_len: Annotated[
        int | None,
        typer.Option(help="Tokens of prompt and reply; else as many as there is room for."),
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(help="How many; else as many as the weights seem to need.")
    ] = None,
    thinking: Annotated[
        bool, typer.Option("--thinking", help="Let the model think first unless told not to.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing: the model's files are here.")
    ] = False,
    python: Annotated[str, typer.Option(help="An interpreter that has vLLM.")] = "",
    debug: Debug = False,
) -> None:
    """Print or run the vLLM command with the flags that clinalign needs."""

    def run() -> None:
        from clinalign.commands import model as command

        wishes = {"port": port, "gpu_memory": gpu_memory, "max_len": max_len, "gpus": gpus}
        wishes |= {"thinks": thinking, "offline": offline}
        command.serve(name, wishes, python, runs=not only_print)

    told(run, debug)
