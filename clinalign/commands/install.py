"""`clinalign install`: writes our server into a client's own file and keeps the rest."""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clinalign.client_configs import Client, Machine, client_named, with_entry
from inference.errors import BadInput, StorageError
from inference.whole_files import write_whole


@dataclass(frozen=True)
class Change:
    path: Path
    """The file itself, behind links."""
    before: str | None
    """None where there is no file yet."""
    after: str

    @property
    def is_none(self) -> bool:
        return self.before == self.after


def run(
    client_name: str,
    only_print: bool,
    name: str,
    settings: Sequence[str],
    command: Sequence[str],
    machine: Machine,
) -> None:
    """Write the entry, or print it and where it would go.

    Raises:
        BadInput: a client, a setting or a file cannot be used; nothing is changed then.
        StorageError: a file cannot be read or written.
    """
    client = client_named(client_name)
    if not name.strip():
        raise BadInput("--name", "a name for the server, such as clinalign", name)
    entry = client.entry(command, _variables(settings))
    # All are planned before any is written: a file that is broken stops the others too.
    changes = [_planned(path, client, name, entry) for path in client.places(machine)]
    for change in changes:
        if only_print:
            _print(change, client, name, entry)
        else:
            _make(change, client, name)
    if not only_print and not all(change.is_none for change in changes):
        print(f"{client.restart} `clinalign doctor` checks that it starts.")


def _variables(settings: Sequence[str]) -> dict[str, str]:
    found = {}
    for position, setting in enumerate(settings, start=1):
        name, sign, value = setting.partition("=")
        if not sign or not name or name != name.strip():
            # Not repeated: what was given may be a key.
            expected = "KEY=VALUE, such as CLINALIGN_BASE_URL=http://127.0.0.1:8000/v1"
            raise BadInput(f"--env, number {position}", expected)
        found[name] = value
    return found


def _planned(path: Path, client: Client, name: str, entry: Mapping[str, Any]) -> Change:
    real = path.resolve()  # a link stays a link
    before = _text(real)
    after = with_entry(before or "", client, name, entry, str(path))
    return Change(real, before, after)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise BadInput(str(path), "text in UTF-8; save it so, nothing was changed") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror})") from error


def _print(change: Change, client: Client, name: str, entry: Mapping[str, Any]) -> None:
    there = "would stay as it is" if change.is_none else "would be changed to hold"
    print(f"{change.path} {there if change.before is not None else 'would be made, with'}:")
    print(json.dumps({client.section: {name: entry}}, indent=2, ensure_ascii=False))


def _make(change: Change, client: Client, name: str) -> None:
    if change.is_none:
        print(f"{change.path} has {name} already; nothing was changed.")
        return
    missing = not change.path.parent.is_dir()
    backup = _write(change)
    print(f"{client.title}: {name} is in {change.path} now.")
    if backup:
        print(f"What was there before is in {backup.name} beside it.")
    if missing:
        print(f"The folder was not there yet: is {client.title} installed for this user?")


def _write(change: Change) -> Path | None:
    """Put the change into its file; tells the backup if there was something to keep."""
    if _text(change.path) != change.before:
        raise StorageError(f"{change.path} was just changed by something else; run this again")
    backup = None
    try:
        with _for_owner_alone():
            backup = _backup(change)
            mode = stat.S_IMODE(change.path.stat().st_mode) if backup else None
            write_whole(change.path, change.after.encode("utf-8"))
        if mode is not None:
            change.path.chmod(mode)
    except OSError as error:
        if backup:
            backup.unlink(missing_ok=True)
        said = f"{change.path} cannot be written ({error.strerror}); nothing was changed"
        raise StorageError(f"{said}: --print shows what to add by hand") from error
    return backup


def _backup(change: Change) -> Path | None:
    if change.before is None:
        return None
    first = f"{change.path.name}.backup-{datetime.now():%Y%m%d-%H%M%S}"
    path, again = change.path.with_name(first), 1
    while path.exists():
        again += 1
        path = change.path.with_name(f"{first}-{again}")
    write_whole(path, change.before.encode("utf-8"))
    path.chmod(stat.S_IMODE(change.path.stat().st_mode))
    return path


@contextmanager
def _for_owner_alone() -> Iterator[None]:
    """Files that are made meanwhile are their owner's alone: they may hold other servers' keys."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
