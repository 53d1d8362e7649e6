"""Which MCP clients there are, where each keeps its servers, and how ours is written there.

It changes no file (see `clinalign.commands.install`). Only a person's own files are known here,
never those of a project: `clinalign doctor` starts what it finds, and a folder that was just
downloaded must not decide what that is.

Sources: the clients' own pages: code.claude.com/docs/en/mcp, cursor.com/docs/mcp,
code.visualstudio.com/docs/copilot/reference/mcp-configuration, zed.dev/docs/ai/mcp,
docs.windsurf.com/windsurf/cascade/mcp, geminicli.com/docs/tools/mcp-server; for Claude Desktop's
second place on Windows github.com/anthropics/claude-code/issues/26073.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinalign.json_edit import NotAnObject, UnsafeEdit, put
from clinalign.json_text import JsonProblem, read_json_text
from inference.errors import BadInput

ADDRESSES = ("url", "serverUrl", "httpUrl")
BOM = "\ufeff"


@dataclass(frozen=True)
class Machine:
    """What decides where files are."""

    platform: str
    """As `sys.platform` has it."""
    home: Path
    environment: Mapping[str, str] = field(repr=False)

    def folder(self, variable: str, *otherwise: str) -> Path:
        """The folder that a variable names, else one below the home folder."""
        named = self.environment.get(variable, "")
        return Path(named) if named else self.home.joinpath(*otherwise)

    @property
    def app_data(self) -> Path:
        """Where desktop programs keep a person's settings."""
        match self.platform:
            case "win32":
                return self.folder("APPDATA", "AppData", "Roaming")
            case "darwin":
                return self.home / "Library" / "Application Support"
            case _:
                return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True)
class Client:
    name: str
    title: str
    section: str
    """The name that the servers stand under."""
    places: Callable[[Machine], tuple[Path, ...]]
    restart: str
    relaxed: bool = False
    """Whether it reads comments and a comma after the last value."""
    kind: Mapping[str, str] = field(default_factory=dict)
    """What an entry says besides its command."""

    def entry(self, command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
        found = {**self.kind, "command": command[0], "args": list(command[1:])}
        return {**found, "env": dict(env)} if env else found


def _claude_desktop(machine: Machine) -> tuple[Path, ...]:
    """The installer from the web and the one of the store keep different files on Windows."""
    classic = machine.app_data / "Claude"
    if machine.platform != "win32":
        return (classic / "claude_desktop_config.json",)
    packages = machine.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
    stores = [
        one / "LocalCache" / "Roaming" / "Claude" for one in sorted(packages.glob("Claude_*"))
    ]
    found = [one for one in (classic, *stores) if one.is_dir()]
    # A package without a folder of its own yet has never been configured, but is installed.
    return tuple(one / "claude_desktop_config.json" for one in found or stores or [classic])


def _claude_code(machine: Machine) -> tuple[Path, ...]:
    return (machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json",)


def _cursor(machine: Machine) -> tuple[Path, ...]:
    return (machine.home / ".cursor" / "mcp.json",)


def _vscode(machine: Machine) -> tuple[Path, ...]:
    return (machine.app_data / "Code" / "User" / "mcp.json",)


def _windsurf(machine: Machine) -> tuple[Path, ...]:
    return (machine.home / ".codeium" / "windsurf" / "mcp_config.json",)


def _gemini_cli(machine: Machine) -> tuple[Path, ...]:
    return (machine.home / ".gemini" / "settings.json",)


def _zed(machine: Machine) -> tuple[Path, ...]:
    match machine.platform:
        case "win32":
            folder = machine.app_data / "Zed"
        case "darwin":
            folder = machine.home / ".config" / "zed"
        case _:
            folder = machine.app_data / "zed"
    return (folder / "settings.json",)


SERVERS, STDIO = "mcpServers", {"type": "stdio"}
QUIT = "Quit it completely (also from the tray or menu bar) and open it again."
NEW = "Start a new session; /mcp lists the servers."
RELOAD = "Restart it."
CLIENTS = {
    one.name: one
    for one in (
        Client("claude-desktop", "Claude Desktop", SERVERS, _claude_desktop, QUIT),
        Client("claude-code", "Claude Code", SERVERS, _claude_code, NEW, kind=STDIO),
        Client("cursor", "Cursor", SERVERS, _cursor, RELOAD, relaxed=True),
        Client("vscode", "VS Code", "servers", _vscode, RELOAD, relaxed=True, kind=STDIO),
        Client("windsurf", "Windsurf", SERVERS, _windsurf, RELOAD),
        Client("gemini-cli", "Gemini CLI", SERVERS, _gemini_cli, NEW, relaxed=True),
        Client("zed", "Zed", "context_servers", _zed, RELOAD, relaxed=True),
    )
}


def client_named(name: str) -> Client:
    """The client of a name.

    Raises:
        BadInput: there is none; it names those there are.
    """
    if name not in CLIENTS:
        raise BadInput("client", f"one of {', '.join(CLIENTS)}", name)
    return CLIENTS[name]


def own_command(machine: Machine, scripts: Path, python: Path) -> list[str]:
    """What starts the server of the environment that has these folders, with absolute paths."""
    script = scripts / ("clinalign.exe" if machine.platform == "win32" else "clinalign")
    if script.is_file():
        return [str(script), "serve"]
    return [str(python), "-m", "clinalign", "serve"]


def servers_of(text: str, client: Client, where: str) -> dict[str, Any]:
    """The servers that a client's file names.

    Raises:
        BadInput: it is not JSON, or not of that shape; it says where.
    """
    try:
        root = read_json_text(text.removeprefix(BOM), client.relaxed)
    except JsonProblem as problem:
        raise _broken(where, problem) from None
    whole = root.value if root else {}
    servers = whole.get(client.section, {}) if isinstance(whole, dict) else None
    if not isinstance(servers, dict):
        place = where if servers is None else f"{where}: {client.section}"
        raise BadInput(place, "an object, { ... }; nothing was changed")
    return servers


def with_entry(text: str, client: Client, name: str, entry: Mapping[str, Any], where: str) -> str:
    """The text with the entry under the name; the very same text if it says so already.

    What an entry of that name says besides stays, such as variables and approvals, and so do
    arguments that follow ours.

    Raises:
        BadInput: the text is broken, or the name belongs to something else; it says where.
    """
    there, place = servers_of(text, client, where).get(name), f"{where}: {client.section}.{name}"
    if not isinstance(there, dict | None):
        raise BadInput(place, "an object, { ... }; nothing was changed")
    if there and any(one in there for one in ADDRESSES):
        expected = "an entry that starts a command; it has an address: choose another --name"
        raise BadInput(place, expected)
    mark = BOM if text.startswith(BOM) else ""
    body = text.removeprefix(BOM)
    try:
        for names, value in _differences(there, entry):
            body = put(body, (client.section, name, *names), value, client.relaxed)
    except NotAnObject as error:
        place = f"{where}: {'.'.join(error.names)}"
        raise BadInput(place, "an object, { ... }; nothing was changed") from None
    except UnsafeEdit:
        by_hand = json.dumps({client.section: {name: dict(entry)}}, ensure_ascii=False)
        raise BadInput(where, f"a file we can add to safely; add by hand {by_hand}") from None
    return mark + body


def _differences(
    there: Mapping[str, Any] | None, entry: Mapping[str, Any]
) -> list[tuple[tuple[str, ...], Any]]:
    """What has to be put where, below the entry, so that it says what it should."""
    if there is None:
        return [((), dict(entry))]
    wanted: dict[tuple[str, ...], Any] = {}
    for key, value in entry.items():
        if key == "env":
            wanted |= {("env", one): value[one] for one in value}
        else:
            wanted[key,] = value
    return [(names, value) for names, value in wanted.items() if not _says(there, names, value)]


def _says(there: Mapping[str, Any], names: Sequence[str], value: Any) -> bool:
    found: Any = there
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(value, list) and isinstance(found, list):
        return found[: len(value)] == value  # `serve --overlay FOLDER` stays
    return bool(found == value)


def _broken(where: str, problem: JsonProblem) -> BadInput:
    place = f"{where}, line {problem.line}, column {problem.column}"
    return BadInput(place, f"{problem.expected}; mend it and run this again, nothing was changed")
