"""The commands that bring the server to MCP clients, and their options."""

from typing import TYPE_CHECKING, Annotated

import typer

from clinalign.options import AsJson, Debug
from clinalign.telling import told

if TYPE_CHECKING:
    from clinalign.client_configs import Machine

NAMES = "claude-desktop, claude-code, cursor, vscode, windsurf, gemini-cli or zed"


def install(
    client: Annotated[str, typer.Argument(help=f"{NAMES}.", metavar="CLIENT")],
    only_print: Annotated[
        bool, typer.Option("--print", help="Show what would be written and where; touch nothing.")
    ] = False,
    name: Annotated[str, typer.Option(help="What the client calls the server.")] = "clinalign",
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A variable for the server; may be repeated."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Add the MCP server to a client's configuration, keeping everything that is there."""

    def run() -> None:
        from clinalign.commands import install

        machine = _here()
        install.run(client, only_print, name, env or [], _own_command(machine), machine)

    told(run, debug)


def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Look whether everything works: versions, library, models, clients; starts their servers."""

    def run() -> None:
        from clinalign.commands import doctor
        from clinalign.doctor import Visit

        machine = _here()
        doctor.run(Visit(machine, _own_command(machine)), as_json)

    told(run, debug)


def _here() -> "Machine":
    import sys
    from pathlib import Path

    from clinalign.client_configs import Machine
    from clinalign.settings import environment

    return Machine(sys.platform, Path.home(), environment())


def _own_command(machine: "Machine") -> list[str]:
    import sys
    import sysconfig
    from pathlib import Path

    from clinalign.client_configs import own_command

    return own_command(machine, Path(sysconfig.get_path("scripts")), Path(sys.executable))
