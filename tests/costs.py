"""The cost of tests: the option `--costs` adds up their time by file and by directory."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)
"""utime, stime, cutime and cstime, counted after the program's name (see proc_pid_stat(5))."""
_LINES = 30
_PROPERTY = "processor_s"


def processor_s() -> float:
    """Return the processor time so far of this process and all its descendants, running or not."""
    return sum(map(_own_s, _family(os.getpid())))


def _family(pid: int) -> Iterator[int]:
    yield pid
    # A process may end while it is inspected; its time then counts for its parent.
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _own_s(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        behind_name = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
        return sum(map(int, behind_name.split()[_TIMES])) / _TICKS_PER_S
    return 0


@dataclass
class Cost:
    """The number of some tests, with their processor time and wall time."""

    tests: int = 0
    processor_s: float = 0
    wall_s: float = 0

    def add(self, report: pytest.TestReport) -> None:
        self.tests += report.when == "call"
        self.processor_s += sum(
            float(str(value)) for name, value in report.user_properties if name == _PROPERTY
        )
        self.wall_s += report.duration


class Costs:
    """Measures each phase of a test in its process, and adds up the results in the main process.

    The setup of a shared fixture counts for the first test that uses it, its teardown for the last.
    """

    def __init__(self) -> None:
        self._before = processor_s()
        self._reports: list[pytest.TestReport] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = processor_s()
        report.user_properties.append((_PROPERTY, max(0, now - self._before)))
        self._before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for title, key in (("directories", _directory), ("files", _file), ("tests", _test)):
            terminalreporter.section(f"most expensive {title}")
            for name, cost in self._most_expensive(key):
                line = f"{cost.processor_s:8.2f} s processor {cost.wall_s:8.2f} s wall {cost.tests:6}"
                terminalreporter.write_line(f"{line}  {name}")

    def _most_expensive(self, key: Callable[[str], str]) -> list[tuple[str, Cost]]:
        costs: dict[str, Cost] = defaultdict(Cost)
        for report in self._reports:
            costs[key(report.nodeid)].add(report)
        return sorted(costs.items(), key=lambda item: -item[1].processor_s)[:_LINES]


def _test(node_id: str) -> str:
    return node_id


def _file(node_id: str) -> str:
    return node_id.partition("::")[0]


def _directory(node_id: str) -> str:
    return _file(node_id).rpartition("/")[0]
