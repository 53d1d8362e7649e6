"""Looks for garbage less often while very much is made and little of it goes in circles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 20_000  # made before they are looked through for garbage


@contextmanager
def seldom_looking_for_garbage() -> Iterator[None]:
    """What is there now stays to the end; to look through it again and again costs."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
