"""Run tests against mutants, each in a forked process.

The tests are collected once. Each mutant then gets a fork in which the code of its functions is replaced, and
which ends at the first failing test. A mutant that changes code that runs at import, or that survived, gets a
fork that imports and collects everything again. Programs that a test starts are never mutated.
"""

from __future__ import annotations

import gc
import importlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mutation.codes import Functions, NotInFunctionsError, import_mutated
from mutation.processes import Report, forked

TIMEOUT_S, TIMEOUT_FACTOR = 10.0, 6.0
BASELINE_TIMEOUT_S = 300.0
SURVIVED, TIMEOUT, NOT_RUN, CRASHED = "survived", "timeout", "not run", "crashed"

LIBRARIES = (
    *("anyio", "argon2", "cryptography.x509", "fastapi", "httpcore2", "httpx2", "jinja2", "jose.jwt"),
    *("passlib.hash", "pydantic_settings", "redis.asyncio", "structlog", "uvicorn", "yaml"),
)
"""Slow imports, done once for all forks."""


@dataclass(frozen=True)
class Subject:
    """A module, its source and its test files."""

    path: str
    source: str
    tests: Sequence[str]

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        return self.path.removesuffix(".py").replace("/", ".")


class BaselineError(Exception):
    """The tests fail without a mutation."""


def preload() -> None:
    """Import the libraries, but nothing of the project."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def verdicts(subject: Subject, mutants: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield for each mutant, by index, the test that noticed it, `TIMEOUT`, `CRASHED` or `SURVIVED`.

    Raises:
        BaselineError: the tests fail without a mutation.
    """
    left = dict(enumerate(mutants))
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        reports = forked(lambda report: _collect(subject, mutants, directory, report))
        baseline, _, limit_s = next(reports, CRASHED).partition(" ")
        if baseline != SURVIVED:
            raise BaselineError(f"{baseline}\n{Path(directory, 'output').read_text()}")
        for index, verdict in (line.split(" ", 1) for line in reports):
            if verdict not in (SURVIVED, NOT_RUN):
                del left[int(index)]
                yield int(index), verdict
        verdict = ""
        for number, mutated in left.items():
            verdict = _imported(subject, mutated, (directory, verdict), float(limit_s))
            yield number, verdict


def _collect(subject: Subject, mutants: Sequence[str], directory: str, report: Report) -> None:
    """Collect the tests, and run them once without a mutation and then for each mutant."""
    output = os.open(Path(directory, "output"), os.O_CREAT | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    _pytest(subject, directory, _EachMutant(subject, mutants, report))


def _imported(subject: Subject, mutated: str, state: tuple[str, str], limit_s: float) -> str:
    """Return the verdict on a mutant that the tests import.

    Args:
        state: the directory for the tests' files, and the test to begin with.
    """

    def work(report: Report) -> None:
        import_mutated(subject.module, subject.path, mutated)
        status = _pytest(subject, state[0], _FirstFailure(state[1], report))
        report(SURVIVED if status == pytest.ExitCode.OK else "collection")

    return next(forked(work, limit_s), CRASHED)


def _pytest(subject: Subject, directory: str, plugin: object) -> int:
    # The failure details are not used: no rewritten assertions, no tracebacks.
    options = ["-q", "-s", "--assert=plain", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # This plugin collects garbage twice, to no use here.
    options += ["-p", "no:unraisableexception", f"--basetemp={directory}/files"]
    return pytest.main([*options, *subject.tests], plugins=[plugin])


class _Failures:
    """Records the first failing test."""

    first: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.first is None:
            self.first = report.nodeid


class _FirstFailure:
    """Reports the first failing test, and does not run the rest."""

    def __init__(self, begin_with: str, report: Report) -> None:
        self._begin_with, self._report = begin_with, report

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.nodeid != self._begin_with)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._report(report.nodeid)
            os._exit(0)


class _EachMutant(_Failures):
    """Runs the collected tests for each mutant, starting with the test that failed last."""

    def __init__(self, subject: Subject, mutants: Sequence[str], report: Report) -> None:
        self._subject, self._mutants, self._report = subject, mutants, report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._functions = Functions(self._subject.source)
        gc.collect()
        gc.freeze()
        started = time.monotonic()
        baseline = next(
            forked(lambda report: self._run(session.items, None, report), BASELINE_TIMEOUT_S), CRASHED
        )
        limit_s = TIMEOUT_S + TIMEOUT_FACTOR * (time.monotonic() - started)
        self._report(f"{baseline} {limit_s}")
        items = list(session.items) if baseline == SURVIVED else []
        for index, mutated in enumerate(self._mutants if items else ()):
            verdict = self._verdict(items, mutated, limit_s)
            items.sort(key=lambda item: item.nodeid != verdict)
            self._report(f"{index} {verdict}")
        return True

    def _verdict(self, items: Sequence[pytest.Item], mutated: str | None, limit_s: float) -> str:
        return next(forked(lambda report: self._run(items, mutated, report), limit_s), CRASHED)

    def _run(self, items: Sequence[pytest.Item], mutated: str | None, report: Report) -> None:
        if mutated is not None:
            try:
                self._functions.replace(mutated)
            except NotInFunctionsError:
                report(NOT_RUN)
                return
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.first is not None:
                report(self.first)
                return
        report(SURVIVED)
