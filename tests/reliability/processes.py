"""What the kernel knows of processes: children, zombies, threads, open files. Linux alone."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str
    """One letter; Z for a zombie."""


def processes() -> list[Process]:
    return [found for path in Path("/proc").iterdir() if (found := _read(path))]


def children_of(pid: int) -> list[Process]:
    return [one for one in processes() if one.parent == pid]


def descendants_of(pid: int) -> list[Process]:
    """Children, their children, and so on."""
    there, found, last = processes(), [], {pid}
    while last:
        below = [one for one in there if one.parent in last]
        found += below
        last = {one.pid for one in below}
    return found


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Become the parent of whatever loses its own, so that its end is seen."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _read(path: Path) -> Process | None:
    if not path.name.isdigit():
        return None
    try:
        stat = (path / "stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None  # it ended while we looked
    state, parent = stat.rpartition(")")[2].split()[:2]
    return Process(int(path.name), int(parent), state)
