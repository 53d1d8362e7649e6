"""Keeps the passports of judges in the data folder."""

from pathlib import Path

from inference.errors import StorageError
from inference.whole_files import write_whole
from rubrics.passport import Passport, file_name


def kept_passport(data_dir: Path, fingerprint: str) -> Passport | None:
    """The passport that was measured for a judge, if there is one.

    Raises:
        StorageError: there is one, and it cannot be read.
    """
    path = _passport_path(data_dir, fingerprint)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror})") from error
    try:
        return Passport.model_validate_json(text)
    except ValueError:
        raise StorageError(f"{path} is no passport; remove it and calibrate again") from None


def keep_passport(data_dir: Path, passport: Passport) -> Path:
    """Keep a passport where the judge's later scores find it.

    Raises:
        StorageError: it cannot be written.
    """
    path = _passport_path(data_dir, passport.fingerprint)
    try:
        write_whole(path, (passport.model_dump_json(indent=1) + "\n").encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror})") from error
    return path


def _passport_path(data_dir: Path, fingerprint: str) -> Path:
    return data_dir / "passports" / file_name(fingerprint)
