"""A missing program is reported in one clear line, and is a failure in CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment

pytestmark = pytest.mark.long

NEEDS_CHROMIUM = "tests/browser/test_desk.py::test_what_a_policy_blocks_is_a_complaint"
NEEDS_REDIS = "tests/cli/test_up.py::test_with_a_redis_the_state_is_there"


def run_tests(machine: Path, *, ci: str, tests: str = NEEDS_REDIS) -> subprocess.CompletedProcess[str]:
    """Run a test that needs redis-server, or others, on a machine with no program at all."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", *tests.split()],
        cwd=ROOT,
        env=environment(PATH=str(machine), CI=ci),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_test_is_skipped_with_a_line_that_says_what_to_install(tmp_path: Path) -> None:
    done = run_tests(tmp_path, ci="")
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "for lack of" in line]
    assert lines == ["1 tests skipped for lack of redis-server: apt-get install redis-server"]


def test_in_ci_it_is_a_failure_that_says_what_to_install(tmp_path: Path) -> None:
    done = run_tests(tmp_path, ci="true")
    assert done.returncode == 1
    assert "lacking: redis-server (apt-get install redis-server)" in done.stdout


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_quick_run_leaves_out_what_needs_a_browser_and_says_so(tmp_path: Path, ci: str) -> None:
    done = run_tests(tmp_path, ci=ci, tests=f"--quick {NEEDS_CHROMIUM}")
    assert done.returncode == 0
    assert "left out of the quick run: chromium" in done.stdout
    assert "1 tests left out, which `make test` runs" in done.stdout.splitlines()


@pytest.mark.parametrize("command", ["make run", "make test", "make quick"])
def test_the_readme_gives_commands_that_there_are(command: str) -> None:
    assert command in (ROOT / "README.md").read_text()
    target = command.removeprefix("make ")
    assert f"\n{target}: " in (ROOT / "Makefile").read_text()
