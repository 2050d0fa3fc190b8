"""Workers that are forked report what ordinary ones do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.workers.plugin import ROOT

CONFTEST = """
from tests.workers.plugin import ForkedWorkers

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ForkedWorkers())
"""
OF_EACH_KIND = """
import os, warnings
import pytest

COLLECTED_BY = os.getpid()
warnings.warn("while it is collected")

@pytest.mark.parametrize("number", range(2))
def test_fork(number, tmp_path, tmp_path_factory):
    assert os.getppid() == COLLECTED_BY
    assert os.environ["PYTEST_XDIST_WORKER"] in str(tmp_path_factory.getbasetemp())

@pytest.mark.flaky(reruns=1)
def test_flaky(tmp_path_factory):
    there = tmp_path_factory.getbasetemp() / "there"
    if not there.exists():
        there.touch()
        raise AssertionError("not yet")

def test_failure():
    print("what it prints")
    assert [1] == [2]
"""
SKIPPED = "import pytest\npytest.skip('not here', allow_module_level=True)"
BROKEN = "import nothing_of_this_name"


def run(directory: Path, **modules: str) -> str:
    """The output of a parallel run of some modules."""
    (directory / "pytest.ini").write_text("[pytest]\n")
    for name, text in {"conftest": CONFTEST, **modules}.items():
        (directory / f"{name}.py").write_text(text)
    options = ("-c", str(directory / "pytest.ini"), "-n", "2", "-ra", "-p", "no:cacheprovider")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(directory)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_tests_run_in_forks_and_are_reported_as_by_ordinary_workers(tmp_path: Path) -> None:
    output = run(tmp_path, test_kinds=OF_EACH_KIND, test_skipped=SKIPPED)
    assert "1 failed, 3 passed, 1 skipped, 2 warnings, 1 rerun in" in output, output
    assert "assert [1] == [2]" in output
    assert "what it prints" in output
    assert "UserWarning: while it is collected" in output


def test_a_module_that_cannot_be_collected_is_an_error(tmp_path: Path) -> None:
    output = run(tmp_path, test_broken=BROKEN)
    assert "1 error in" in output, output
    assert "No module named 'nothing_of_this_name'" in output
