"""`clinalign principles export`, `import` and `catalogue`: the library as files."""

import sys
from pathlib import Path
from typing import cast, get_args

import yaml

from clinalign.commands.files import read_text, write_text
from clinalign.parts import open_library
from clinalign.settings import Settings
from inference.errors import BadInput
from inference.words import read
from principle_store.catalogue import catalogue as page_of
from principle_store.exchange import Format, Unreadable, exported, imported
from principle_store.loading import load_taxonomy
from principle_store.types import Principle, Source


def export(form: str, out: str, overlay: str) -> None:
    """Write the library, with the overlays on it, into one file.

    Raises:
        BadInput: the format does not exist, or an overlay cannot be used.
        StorageError: the file cannot be written.
    """
    if form not in get_args(Format):
        raise BadInput("--format", f"one of {', '.join(get_args(Format))}", form)
    library = open_library(Settings.from_environment(overlay=overlay), load_taxonomy()).library
    write_text(Path(out), exported(library, cast(Format, form)))
    print(f"{len(library.principles)} principles of library {library.version} in {out}")


def take_in(path: str, into: str, source: str) -> None:
    """Write the principles of a file into an overlay folder; all of them or none.

    Raises:
        BadInput: the file cannot be read.
        Unreadable: some records cannot be used; each was told on stderr.
    """
    given = _source(source) if source else None
    try:
        found = imported(read_text(path, "FILE"), path, load_taxonomy(), given)
    except Unreadable as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise
    target = Path(into) / f"{Path(path).stem}.yaml"
    if target.exists():
        raise BadInput("--into", "a folder that has no file of that name yet", str(target))
    write_text(target, _yaml(found))
    print(f"{len(found)} principles in {target}")
    print(f"Look at them with: clinalign principles check --overlay {into}")


def catalogue(out: str, overlay: str) -> None:
    """Write the library as one HTML page.

    Raises:
        BadInput: an overlay cannot be used.
        StorageError: the file cannot be written.
    """
    taxonomy = load_taxonomy()
    library = open_library(Settings.from_environment(overlay=overlay), taxonomy).library
    write_text(Path(out), page_of(library, taxonomy))
    print(f"{len(library.principles)} principles in {out}; open it in a browser")


def _source(said: str) -> Source:
    """Organisation, title, year and address, separated by `|`."""
    parts = [part.strip() for part in said.split("|")]
    if len(parts) != 4 or not parts[2].isdigit():
        raise BadInput("--source", "'ORGANISATION | TITLE | YEAR | https://...'", said)
    organisation, title, year, url = parts
    row = {"organisation": organisation, "title": title, "year": int(year), "url": url}
    return read(Source, row, "--source")


def _yaml(principles: tuple[Principle, ...]) -> str:
    rows = [one.model_dump(mode="json", exclude_none=True) for one in principles]
    return yaml.safe_dump(rows, allow_unicode=True, sort_keys=False, width=100)
