"""The folder of a run: what it was asked for, how far it came, and what came out.

run.toml          the run file, as it was given
record.json       its settings in effect, data hashes, commit, versions, seed
log.jsonl         a line for each logged step
criteria.jsonl    how often each criterion was met (GRPO)
drift.jsonl       what the examiner saw (GRPO with a monitor)
checkpoints/      to go on from
model/            the trained model
result.json       how it ended
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from inference.errors import BadInput, StorageError
from inference.lines import readable
from inference.whole_files import write_whole
from inference.words import Word
from training.run_file import RunFile, differences

Begun = Literal["new", "resumed", "finished"]


class DataFile(Word):
    path: str
    sha256: str


class Record(Word):
    """All that a run depends on."""

    run: RunFile
    data: dict[str, DataFile]
    commit: str
    """Of clinalign; empty where it is no checkout. `+` says that files had changed since."""
    versions: dict[str, str]
    library: str = ""
    """The hash of the principles."""


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        return self.path / "model"

    def begin(self, record: Record, text: str) -> Begun:
        """Take the folder for a run, or go on with the one that is in it.

        Args:
            record: of this run.
            text: of its file.

        Raises:
            BadInput: another run, or something else, is in the folder.
            StorageError: it cannot be written.
        """
        if self._is_free():
            self.write_json("record.json", record.model_dump(mode="json"))
            self.write("run.toml", text)
            return "new"
        self._refuse_another(record, self._kept())
        return "finished" if (self.path / "result.json").is_file() else "resumed"

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint that is whole; newer ones, which a crash left torn, are removed."""
        found = sorted(self.checkpoints.glob("checkpoint-*"), key=_step, reverse=True)
        for one in found:
            if _is_whole(one):
                return one
            shutil.rmtree(one)
        return None

    def forget_after(self, step: int) -> None:
        """Drop what was logged beyond a step, since that will be gone through again."""
        for name in ("log.jsonl", "criteria.jsonl", "drift.jsonl"):
            path = self.path / name
            if path.is_file():
                kept = [line for line in _rows(path) if json.loads(line)["step"] <= step]
                self.write(name, "".join(f"{line}\n" for line in kept))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The lines of a log; none where it was not begun."""
        path = self.path / name
        return [json.loads(line) for line in _rows(path)] if path.is_file() else []

    def append(self, name: str, row: dict[str, Any]) -> None:
        """Add a line to a log.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            with (self.path / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise _unusable(self.path / name, error) from error

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        self.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            write_whole(self.path / name, text.encode("utf-8"))
        except OSError as error:
            raise _unusable(self.path / name, error) from error

    def _is_free(self) -> bool:
        """Nothing is in it, or only what a run that never came to its first step wrote."""
        names = {one.name for one in self.path.iterdir()} if self.path.is_dir() else set()
        if names:
            self._kept()
        return names <= {"record.json", "run.toml"}

    def _kept(self) -> dict[str, Any]:
        """The record of the run that is in it."""
        try:
            found = json.loads((self.path / "record.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or not {"run", "data", "library"} <= set(found):
            raise BadInput("--out", "a new or empty folder, or one of a run", str(self.path))
        return found

    def _refuse_another(self, record: Record, kept: dict[str, Any]) -> None:
        asked = record.model_dump(mode="json")
        changed = differences({"run": asked["run"]}, {"run": kept["run"]})
        changed += [
            f"data.{name}"
            for name, file in asked["data"].items()
            if file["sha256"] != kept["data"].get(name, {}).get("sha256")
        ]
        changed += ["library"] if asked["library"] != kept["library"] else []
        if changed:
            told = ", ".join(name.removeprefix("run.") for name in changed[:5])
            way = f"the run that is in it, which differs in {told}; or name another folder"
            raise BadInput("--out", way, str(self.path))


def hashed(path: str, what: str) -> DataFile:
    """A file, or all files of a dataset's folder, by content.

    Raises:
        BadInput: it cannot be read.
    """
    digest = hashlib.sha256()
    with readable(path, what):
        for one in _files(Path(path)):
            with one.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return DataFile(path=path, sha256=digest.hexdigest())


def _files(path: Path) -> Iterable[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _rows(path: Path) -> list[str]:
    """Its lines; one that a crash left half written is passed over."""
    lines = path.read_bytes().split(b"\n")  # a crash may cut within a character
    return [line.decode("utf-8") for line in lines[:-1] if line]


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _is_whole(checkpoint: Path) -> bool:
    """The trainer's state is written last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _unusable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written ({error.strerror})")
