"""The commands that distil principles and tell their coverage, and their options."""

from typing import Annotated

import typer

from clinalign.agent_commands import completed_settings
from clinalign.model_commands import NoFind
from clinalign.options import AsJson, BaseUrl, Debug, LocalOnly, Model, Overlay
from clinalign.telling import told


def distil(
    rubrics: Annotated[
        str, typer.Argument(help="JSONL: rows with `prompt` and `rubrics`, as synthesize writes.")
    ],
    out: Annotated[str, typer.Option(help="The YAML file for the proposals.")] = "",
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Principles at most. Default: until one more adds little."),
    ] = None,
    no_find: NoFind = False,
    local_only: LocalOnly = False,
    base_url: BaseUrl = "",
    model: Model = "",
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Propose the principles that the rubrics of a file come from."""

    def run() -> None:
        from clinalign.commands import principles_distil
        from clinalign.settings import Settings

        settings = Settings.from_environment(
            base_url=base_url, model=model, overlay=overlay, local_only=local_only
        )
        settings = completed_settings(settings, not no_find)
        principles_distil.distil(rubrics, out, settings, budget, as_json)

    told(run, debug)


def report(
    proposed: Annotated[
        str, typer.Argument(help="What distil wrote; without it the library is looked at.")
    ] = "",
    rubrics: Annotated[
        str, typer.Option(help="Rubrics to cover; else those that distil was given.")
    ] = "",
    out: Annotated[str, typer.Option(help="The folder for the picture and the page.")] = "",
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell which scenarios principles cover, what supports them, and what stays uncovered."""

    def run() -> None:
        from clinalign.commands import principles_distil
        from clinalign.settings import Settings

        settings = Settings.from_environment(overlay=overlay)
        principles_distil.report(proposed, rubrics, out, settings, as_json)

    told(run, debug)
