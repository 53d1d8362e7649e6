"""What the processes of one run agree on; one process agrees with itself."""

from collections.abc import Callable
from typing import Any, TypeVar

Decided = TypeVar("Decided")


def is_main() -> bool:
    """Whether this is the process that writes."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def decided(by_main: Callable[[], Decided]) -> Decided:
    """What the main process finds, told to all."""
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    box: list[Any] = [by_main() if is_main() else None]
    if PartialState().num_processes > 1:
        broadcast_object_list(box)
    found: Decided = box[0]
    return found


def anywhere(here: bool) -> bool:
    """Whether any process says so."""
    from accelerate.utils import gather_object

    return any(gather_object([here]))
