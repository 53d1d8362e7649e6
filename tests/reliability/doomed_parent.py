"""A client's process that is killed in a test: it starts a server and passes everything through.

Run as a script: `doomed_parent.py COMMAND ...`. It imports little, so that many start quickly.
"""

import os
import subprocess
import sys
import threading


def passed_on(source: int, target: int) -> None:
    """Hand on whatever comes, as it comes, until there is no more."""
    while data := os.read(source, 1 << 16):
        while data:
            data = data[os.write(target, data) :]


if __name__ == "__main__":
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ends = server.stdin.fileno(), server.stdout.fileno()
        threading.Thread(target=passed_on, args=(0, ends[0]), daemon=True).start()
        passed_on(ends[1], 1)
