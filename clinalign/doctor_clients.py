"""Checks of the clients: is our server in their files, and does it start as written there?

What is started is only what looks like ours in a person's own files; other servers are left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinalign.checks import Check
from clinalign.client_configs import ADDRESSES, CLIENTS, Client, Machine, servers_of
from clinalign.probe import Seen, Start, at_once, seen
from inference.errors import BadInput, shortened

OURS = ("clinalign", "mcp_server")
STDERR = "Let whatever writes that line write to standard error: the other belongs to the protocol."


@dataclass(frozen=True)
class _Entry:
    """Our server in a client's file."""

    label: str
    where: str
    start: Start
    mend: str
    """The command that writes the entry anew."""


def client_checks(machine: Machine, own: Sequence[str], deadline_seconds: float) -> list[Check]:
    """One for each file found, one for standard output, one for two starts at once.

    Args:
        machine: where to look for files; what servers are started in.
        own: starts the server of this environment; used where no file names a server.
        deadline_seconds: for each start.
    """
    found = list(_files(machine))
    checks = [one for one in found if isinstance(one, Check)]
    entries = [one for one in found if isinstance(one, _Entry)]
    if not entries:
        start = Start(own[0], tuple(own[1:]))
        entries = [_Entry("server of this environment", "", start, "pip install clinalign")]

    def look(start: Start) -> Seen:
        return seen(start, machine.environment, machine.home, deadline_seconds)

    starts = list(dict.fromkeys(one.start for one in entries))
    with ThreadPoolExecutor(len(starts)) as pool:
        seen_by_start = dict(zip(starts, pool.map(look, starts), strict=True))
    checks += [_start_check(one, seen_by_start[one.start]) for one in entries]
    working = next((one for one in starts if not seen_by_start[one].trouble), None)
    twice = at_once(working, 2, look) if working else []
    return [*checks, _output_check([*seen_by_start.values(), *twice]), _twice_check(twice)]


def _files(machine: Machine) -> Iterator[Check | _Entry]:
    for client in CLIENTS.values():
        for path in client.places(machine):
            if path.is_file():
                yield from _entries(client, path)


def _entries(client: Client, path: Path) -> Iterator[Check | _Entry]:
    try:
        servers = servers_of(path.read_bytes().decode("utf-8"), client, str(path))
    except BadInput as error:
        fix = f"Mend the file at that place; {client.title} cannot read it either."
        yield Check(name=client.name, status="failed", found=str(error), fix=fix)
        return
    except (OSError, UnicodeDecodeError):
        fix = "Make it readable for you, as text in UTF-8."
        yield Check(name=client.name, status="failed", found=f"{path} cannot be read", fix=fix)
        return
    ours = {name: entry for name, entry in servers.items() if _is_ours(name, entry)}
    if not ours:
        fix = f"Run `clinalign install {client.name}` if you want it there."
        found = f"{path} does not name clinalign"
        yield Check(name=client.name, status="warning", found=found, fix=fix)
    for name, entry in ours.items():
        yield _entry(client, path, name, entry)


def _is_ours(name: str, entry: Any) -> bool:
    if name == "clinalign":
        return True
    if not isinstance(entry, dict):
        return False
    words = [entry.get("command"), *(entry["args"] if isinstance(entry.get("args"), list) else ())]
    return any(isinstance(one, str) and _program(one) in OURS for one in words)


def _program(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


def _entry(client: Client, path: Path, name: str, entry: Any) -> Check | _Entry:
    label = client.name if name == "clinalign" else f"{client.name}: {name}"
    where = str(path) if name == "clinalign" else f"{name} in {path}"
    mend = f"clinalign install {client.name}" + ("" if name == "clinalign" else f" --name {name}")
    start = _start(entry)
    if start is not None and not _has_variables(start):
        return _Entry(label, where, start, mend)
    if start is not None or (isinstance(entry, dict) and any(one in entry for one in ADDRESSES)):
        what = "is reached at an address" if start is None else "has variables of the client"
        fix = f"Look in {client.title} whether it is connected."
        return Check(name=label, status="warning", found=f"{where} {what}; not started", fix=fix)
    return Check(
        name=label,
        status="failed",
        found=f"{where} is no command with a list of arguments and an object of variables",
        fix=f"Take the entry away and run `{mend}`.",
    )


def _start(entry: Any) -> Start | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("command"), str):
        return None
    args, env = entry.get("args", []), entry.get("env", {})
    if not isinstance(args, list) or not isinstance(env, Mapping):
        return None
    if not all(isinstance(one, str) for one in (*args, *env.values())):
        return None
    return Start(entry["command"], tuple(args), dict(env))


def _has_variables(start: Start) -> bool:
    return any("${" in one for one in (start.command, *start.args, *start.env.values()))


def _start_check(entry: _Entry, result: Seen) -> Check:
    place = f"{entry.where}: " if entry.where else ""
    if result.trouble or not result.tools:
        command = shortened(" ".join([entry.start.command, *entry.start.args]))
        found = f"{place}{command} does not start: {result.trouble or 'it has no tools'}"
        fix = f"Run `{entry.mend}`, or that command in a terminal to see more."
        return Check(name=entry.label, status="failed", found=found, fix=fix)
    found = f"{place}starts ({result.seconds:.1f} s): {', '.join(result.tools)}"
    return Check(name=entry.label, status="ok", found=found)


def _output_check(results: Sequence[Seen]) -> Check:
    name = "standard output"
    if strange := next((one.strange for one in results if one.strange), ""):
        return Check(name=name, status="failed", found=f"not protocol: {strange}", fix=STDERR)
    if all(one.trouble for one in results):
        return Check(name=name, status="warning", found="not seen: no server started", fix=AFTER)
    return Check(name=name, status="ok", found="nothing but protocol")


AFTER = "Run `clinalign doctor` again when one starts."


def _twice_check(results: Sequence[Seen]) -> Check:
    name = "two at once"
    if not results:
        return Check(name=name, status="warning", found="not tried: no server started", fix=AFTER)
    if trouble := next((one.trouble for one in results if one.trouble), ""):
        fix = "Give each client its own CLINALIGN_DATA_DIR with --env until the reason is found."
        return Check(name=name, status="failed", found=f"one does not start: {trouble}", fix=fix)
    return Check(name=name, status="ok", found="both start and answer")
