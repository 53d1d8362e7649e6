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
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(what, f"a file that can be read ({error.strerror})", path) from None
    except UnicodeDecodeError:
        raise BadInput(what, "a file in UTF-8", path) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise BadInput(what, f"a JSON file ({place})", path) from None
    except RecursionError:
        raise BadInput(what, "a JSON file that is not nested so deep", path) from None
