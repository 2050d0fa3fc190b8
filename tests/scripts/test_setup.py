"""`scripts/setup` on the machines of newcomers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def command(path: Path, *lines: str) -> None:
    """Put a program onto the machine."""
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)


def old_python(path: Path) -> None:
    """A Python that says it is 3.9 and, asked whether it is new enough, says no."""
    command(path, '[ "$1" = --version ] && echo "Python 3.9.2"', "exit 1")


def this_python(path: Path) -> None:
    """A Python that will do: the one that runs this test."""
    command(path, f'exec "{sys.executable}" "$@"')


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A directory of programs: what a shell script needs, and no Python yet."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "rm"):
        program = shutil.which(name)
        assert program
        (path / name).symlink_to(program)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the set-up reads, with locks that need no network."""
    path = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", path / "scripts")
    (path / "deploy").mkdir()
    for name in ("pyproject.toml", "requirements.lock", "deploy/doorward.lock"):
        (path / name).touch()
    return path


def run(script: Path, machine: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script), *arguments],
        env={"PATH": str(machine), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_newer_python_is_found_where_python3_is_too_old(machine: Path, checkout: Path) -> None:
    old_python(machine / "python3")
    this_python(machine / "python3.12")
    done = run(checkout / "scripts" / "find-python", machine)
    assert done.stdout.strip() == str(machine / "python3.12")


def test_the_python_that_was_requested_is_the_one_that_is_used(machine: Path, checkout: Path) -> None:
    this_python(machine / "python3")
    this_python(machine / "mine")
    done = run(checkout / "scripts" / "find-python", machine, PYTHON="mine")
    assert done.stdout.strip() == str(machine / "mine")


@pytest.mark.parametrize("present", [True, False], ids=["too old", "none"])
def test_without_a_suitable_python_it_says_what_to_install(
    machine: Path, checkout: Path, present: bool
) -> None:
    if present:
        old_python(machine / "python3")
    done = run(checkout / "scripts" / "setup", machine)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "apt-get install python3" in done.stderr
    assert ("3.9.2" in done.stderr) == present
    assert not (checkout / ".venv").exists()


def test_without_ensurepip_it_says_which_package_brings_it(
    machine: Path, checkout: Path, tmp_path: Path
) -> None:
    this_python(machine / "python3")
    (tmp_path / "ensurepip.py").write_text("raise ImportError")
    done = run(checkout / "scripts" / "setup", machine, PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


FINGERPRINT = (
    "{ pwd && cat pyproject.toml requirements.lock deploy/doorward.lock scripts/build.lock scripts/setup; }"
)


def set_up(checkout: Path, contents: str) -> None:
    """Put a virtual environment into the checkout that is up to date."""
    venv = checkout / ".venv" / "bin"
    venv.mkdir(parents=True)
    this_python(venv / "python")
    script = f'printf "%s {contents}" "$({FINGERPRINT} | cksum)" >.venv/ready'
    subprocess.run(["sh", "-c", script], cwd=checkout, check=True)


@pytest.mark.parametrize("wanted", [(), ("run",)], ids=["all", "run"])
def test_once_set_up_it_does_nothing_until_something_changes(
    machine: Path, checkout: Path, wanted: tuple[str, ...]
) -> None:
    set_up(checkout, "all")
    done = run(checkout / "scripts" / "setup", machine, *wanted)
    assert done.returncode == 0, "there is no Python to set up with"

    (checkout / "requirements.lock").write_text("# changed\n")
    assert run(checkout / "scripts" / "setup", machine, *wanted).returncode != 0


def test_what_is_set_up_to_run_the_services_is_completed_for_the_tests(machine: Path, checkout: Path) -> None:
    set_up(checkout, "run")
    command(machine / "uv", 'echo "uv $*" >>uv.log')
    assert run(checkout / "scripts" / "setup", machine, "run").returncode == 0
    assert not (checkout / "uv.log").exists()
    assert run(checkout / "scripts" / "setup", machine).returncode == 0
    calls = (checkout / "uv.log").read_text()
    assert "-r requirements.lock" in calls
    assert "uv venv" not in calls
    assert (checkout / ".venv" / "ready").read_text().endswith(" all\n")


def test_a_virtual_environment_whose_python_is_gone_is_made_again(checkout: Path, machine: Path) -> None:
    command(machine / "uv", 'echo "uv $*" >>uv.log')
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    done = run(checkout / "scripts" / "setup", machine)
    assert done.returncode == 0, done.stderr
    assert "uv venv --quiet --clear" in (checkout / "uv.log").read_text()


def test_with_uv_the_locks_hashes_are_required(checkout: Path, machine: Path) -> None:
    command(machine / "uv", 'echo "uv $*" >>uv.log; [ "$1" != venv ] || mkdir -p .venv')
    (machine / "mkdir").symlink_to(shutil.which("mkdir") or os.devnull)
    done = run(checkout / "scripts" / "setup", machine)
    assert done.returncode == 0, done.stderr
    calls = (checkout / "uv.log").read_text()
    assert "--no-deps --require-hashes -r requirements.lock" in calls
    assert (checkout / ".venv" / "ready").exists()


PIP = """case "$*" in
*install*-r*) [ -z "$BROKEN" ] || { echo 'ERROR: no such hash' >&2; exit 7; }
    for each in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "Collecting p$each==1 (from -r lock (line $each))"; done
    echo 'Ignoring p13: markers do not match your environment'
    echo 'Installing collected packages: p1' ;;
*venv*) exec mkdir -p .venv/bin ;;
esac"""


def with_scripted_pip(machine: Path, checkout: Path) -> None:
    """Put a Python on the machine whose pip fetches twelve packages, or fails if ``BROKEN`` is set."""
    (machine / "mkdir").symlink_to(shutil.which("mkdir") or "")
    command(machine / "python3", PIP)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(machine / "python3", checkout / ".venv" / "bin" / "python")
    lock = "".join(f"p{each}==1 \\\n    --hash=sha256:00\n" for each in range(1, 14))
    (checkout / "deploy" / "doorward.lock").write_text(lock)
    (checkout / "scripts" / "build.lock").write_text("")


@pytest.mark.requirement("OP-1")
def test_the_set_up_with_pip_shows_how_far_it_is(machine: Path, checkout: Path) -> None:
    with_scripted_pip(machine, checkout)
    done = run(checkout / "scripts" / "setup", machine, "run")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert "==> Fetching package 10 of 13" in lines
    assert lines[-2:] == ["==> Unpacking and compiling what was fetched", "==> Ready"]
    assert "Collecting" not in done.stdout + done.stderr


def test_a_set_up_whose_pip_fails_fails_too(machine: Path, checkout: Path) -> None:
    with_scripted_pip(machine, checkout)
    done = run(checkout / "scripts" / "setup", machine, "run", BROKEN="yes")
    assert done.returncode == 7
    assert "ERROR: no such hash" in done.stderr
    assert not (checkout / ".venv" / "ready").exists()
