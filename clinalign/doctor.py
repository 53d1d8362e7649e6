"""Looks whether everything that clinalign needs is there and works; what it finds is data.

It connects to nothing but this machine's own addresses. The checks of models and of clients are in
`clinalign.doctor_models` and `clinalign.doctor_clients`; `clinalign.commands.doctor` shows them.
"""

import io
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from clinalign.checks import Check
from clinalign.client_configs import Machine
from clinalign.doctor_clients import client_checks
from clinalign.doctor_models import model_checks
from clinalign.model_servers import USUAL_PORTS
from clinalign.settings import Settings
from inference.embedding import OnnxEmbedder
from inference.errors import BadInput, ClinalignError
from inference.whole_files import write_whole
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy
from principle_store.overlay import overlaid

PACKAGES = ("clinalign", "mcp", "chromadb", "langgraph", "pydantic", "onnxruntime")
OLDEST_PYTHON = (3, 11)
REINSTALL = "Install clinalign anew: `pip install --force-reinstall clinalign`."


@dataclass(frozen=True)
class Visit:
    """Where to look, and how long to wait."""

    machine: Machine
    own_command: Sequence[str]
    """Starts the server of this environment."""
    deadline_seconds: float = 30.0
    """For each start of a server, up to its tools."""
    ports: Mapping[str, int] = field(default_factory=lambda: USUAL_PORTS)


def examined(visit: Visit) -> list[Check]:
    """Every check, in the order in which things build on each other."""
    checks = [_python(), _packages(), _embedder()]
    try:
        settings = Settings.from_environment(visit.machine.environment)
    except BadInput as error:
        fix = "Correct that variable; models and the data folder were not looked at."
        checks.append(Check(name="settings", status="failed", found=str(error), fix=fix))
    else:
        checks += [_library(settings), _data_folder(settings)]
        checks += model_checks(settings, visit.ports)
    return checks + client_checks(visit.machine, visit.own_command, visit.deadline_seconds)


def _python() -> Check:
    found = f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        fix = f"Use Python {'.'.join(map(str, OLDEST_PYTHON))} or newer."
        return Check(name="python", status="failed", found=found, fix=fix)
    return Check(name="python", status="ok", found=found)


def _packages() -> Check:
    versions = {name: _version(name) for name in PACKAGES}
    found = ", ".join(f"{name} {said or 'missing'}" for name, said in versions.items())
    if not all(versions.values()):
        return Check(name="packages", status="failed", found=found, fix=REINSTALL)
    return Check(name="packages", status="ok", found=found)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _embedder() -> Check:
    """The bundled embedder is the one that the library's shipped vectors were made by."""
    try:
        id = OnnxEmbedder().id
        with np.load(io.BytesIO(LIBRARY_VECTORS.read_bytes()), allow_pickle=False) as file:
            expected = str(file["embedder"])
    except (ClinalignError, OSError, ValueError, KeyError) as error:
        found = str(error) if isinstance(error, ClinalignError) else "its files cannot be read"
        return Check(name="embedder", status="failed", found=found, fix=REINSTALL)
    if id != expected:
        found = f"{id}, but the library's vectors are of {expected}"
        return Check(name="embedder", status="failed", found=found, fix=REINSTALL)
    name, _, digest = id.rpartition("-")
    return Check(name="embedder", status="ok", found=f"{name}, sha256 {digest}...")


def _library(settings: Settings) -> Check:
    try:
        taxonomy = load_taxonomy()
        library = overlaid(load_library(taxonomy), settings.overlays, taxonomy).library
    except BadInput as error:
        fix = "Correct it; `clinalign principles check` tells whether that did it."
        return Check(name="library", status="failed", found=str(error), fix=fix)
    laid = f", with {len(settings.overlays)} overlays" if settings.overlays else ""
    held = f"{len(library.principles)} principles{laid}"
    return Check(
        name="library", status="ok", found=f"{library.version}, {library.hash[:12]}, {held}"
    )


def _data_folder(settings: Settings) -> Check:
    path = settings.data_dir / f".doctor-{secrets.token_hex(4)}"
    try:
        write_whole(path, b"")
        path.unlink()
    except OSError as error:
        found = f"{settings.data_dir} cannot be written ({error.strerror})"
        fix = "Make it writable, or set CLINALIGN_DATA_DIR to a folder that is."
        return Check(name="data folder", status="failed", found=found, fix=fix)
    return Check(name="data folder", status="ok", found=f"{settings.data_dir}, writable")
