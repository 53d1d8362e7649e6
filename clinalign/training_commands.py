"""The commands that make what training needs, and their options."""

from typing import Annotated

import typer

from clinalign.agent_commands import completed_settings
from clinalign.model_commands import NoFind
from clinalign.options import AsJson, BaseUrl, Debug, InFlight, LocalOnly, Model, Overlay, Writing
from clinalign.telling import told


def synthesize(
    questions: Annotated[
        str, typer.Argument(help="A JSONL file: rows with `prompt`, a conversation or a text.")
    ],
    out: Annotated[str, typer.Option(help="Where the rubrics go; run again to go on.")] = "",
    in_flight: InFlight = 16,
    writing: Writing = "",
    no_find: NoFind = False,
    local_only: LocalOnly = False,
    base_url: BaseUrl = "",
    model: Model = "",
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a rubric for every question; rejected ones go to a file beside, with the reason."""

    def run() -> None:
        from clinalign.commands import synthesize
        from clinalign.settings import Settings

        settings = Settings.from_environment(
            base_url=base_url, model=model, overlay=overlay, local_only=local_only, writing=writing
        )
        synthesize.run(
            questions, out, completed_settings(settings, not no_find), in_flight, as_json
        )

    told(run, debug)
