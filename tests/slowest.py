"""Which files of tests took the longest, shown where pytest's --durations asks for tests."""

from __future__ import annotations

from collections import defaultdict

import pytest


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Add up the seconds of all parts of all tests of a file, whichever process ran them."""
    shown = config.getoption("durations")
    if not shown:
        return
    took: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.section(f"slowest {shown} files")
    for file, seconds in sorted(took.items(), key=lambda item: -item[1])[:shown]:
        terminalreporter.write_line(f"{seconds:.1f} s  {file}")
