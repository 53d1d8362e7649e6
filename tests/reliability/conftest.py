"""Shows the rows when all has run."""

import pytest

from tests.reliability.rows import ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("reliability")
    for row in ROWS:
        terminalreporter.write_line(str(row))
