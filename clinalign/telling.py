"""How a command ends: with its work done, or with one sentence about what went wrong."""

import sys
from collections.abc import Callable

from inference.errors import BadInput, ClinalignError

USAGE, FAILURE = 2, 1


def told(run: Callable[[], None], debug: bool) -> None:
    """Run a command; say in one sentence what went wrong; exit with 2 for usage, 1 for failure."""
    try:
        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if debug:
            raise
        print(f"clinalign: {_sentence(error)}", file=sys.stderr)
        raise SystemExit(USAGE if isinstance(error, BadInput) else FAILURE) from None


def _sentence(error: Exception) -> str:
    if isinstance(error, ClinalignError):
        return str(error)
    return f"stopped by an error we did not foresee ({type(error).__name__}); --debug shows it"
