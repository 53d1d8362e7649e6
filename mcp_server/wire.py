"""Takes standard input and output for the protocol alone, before anything else may print.

What is printed later, by libraries, by C code or by child processes, goes to standard error. The
two are not given back: a process that serves over its standard streams serves until it ends.
"""

import os
import sys
from dataclasses import dataclass
from typing import BinaryIO

IN, OUT, ERR = 0, 1, 2


@dataclass(frozen=True)
class Wire:
    """The two ends of the pipe to the client."""

    reads: BinaryIO
    writes: BinaryIO


def claim_wire() -> Wire:
    """The pipe that was standard input and output.

    Raises:
        OSError: there is none, as in a program without a console.
    """
    reads, writes = os.fdopen(os.dup(IN), "rb"), os.fdopen(os.dup(OUT), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, IN)
    os.close(nothing)
    try:
        os.dup2(ERR, OUT)
    except OSError:  # standard error is closed
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, OUT)
        os.close(nothing)
    sys.stdout.flush()  # only now: what was printed before is not protocol either
    return Wire(reads, writes)
