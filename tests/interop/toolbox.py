"""Clients of others, installed once beside this file, where git does not look, as the lock says."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
_NODE_MODULES = HERE / "node_modules"
_INSTALL_TIMEOUT_S = 600


@cache
def node_modules() -> Path:
    """Where the packages of `package-lock.json` are."""
    with _one_at_a_time():
        if not _is_ready(_NODE_MODULES, HERE / "package.json", HERE / "package-lock.json"):
            _run("npm", "ci", "--loglevel=error")
            _make_ready(_NODE_MODULES, HERE / "package.json", HERE / "package-lock.json")
    return _NODE_MODULES


@cache
def node() -> Path:
    """A Node that is new enough for all of them: the one that is installed with them, or the machine's."""
    architecture = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "")
    brought = node_modules() / f"node-linux-{architecture}" / "bin" / "node"
    program = brought if brought.exists() else shutil.which("node")
    assert program, "there is no Node for this kind of machine in package.json, and none installed"
    return Path(program)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (HERE / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"


def _is_ready(directory: Path, *locks: Path) -> bool:
    stamp = directory / ".ready"
    return stamp.exists() and stamp.read_text() == _digest(locks)


def _make_ready(directory: Path, *locks: Path) -> None:
    (directory / ".ready").write_text(_digest(locks))


def _digest(locks: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
