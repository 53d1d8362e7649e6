"""Writes a file whole or not at all, so that nobody ever reads half of one."""

import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put the content where the path says, over what was there; folders are made.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
