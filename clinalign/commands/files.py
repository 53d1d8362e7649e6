"""Reads the JSON files that commands are given."""

import json
from pathlib import Path
from typing import Any

from inference.errors import BadInput


def read_json(path: str, what: str) -> Any:
    """The content of a JSON file.

    Raises:
        BadInput: the file cannot be read, or is not JSON; it names the line and the column.
    """
    where = f"{what} {path}"
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(where, f"a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadInput(where, "a file in UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise BadInput(where, f"a JSON file ({place})") from None
    except RecursionError:
        raise BadInput(where, "a JSON file that is not nested so deep") from None
