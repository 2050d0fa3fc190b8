"""The programs that a test needs: present, skipped with one clear line, or a failure if CI=true."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest


def _succeeds(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


@cache
def compose_command() -> tuple[str, ...]:
    """Docker Compose as this machine has it: the plugin, or the program of old."""
    plugin = ("docker", "compose")
    return plugin if _succeeds(*plugin, "version") else ("docker-compose",)


def _engine_answers() -> bool:
    return _succeeds("docker", "info") and _succeeds(*compose_command(), "version")


@dataclass(frozen=True)
class Need:
    """Something a machine may lack.

    Attributes:
        install: the command that brings it, for the line at the end of the run.
    """

    name: str
    present: Callable[[], bool]
    install: str


OTHER_PYTHON = "another Python environment"

NEEDS = {
    need.name: need
    for need in (
        Need(
            "redis-server", lambda: shutil.which("redis-server") is not None, "apt-get install redis-server"
        ),
        Need("chromium", lambda: shutil.which("chromium") is not None, "apt-get install chromium"),
        Need("container engine", _engine_answers, "apt-get install docker.io docker-compose"),
        Need("nginx", lambda: shutil.which("nginx") is not None, "apt-get install nginx-light"),
        Need("caddy", lambda: shutil.which("caddy") is not None, "apt-get install caddy"),
        Need("prometheus", lambda: shutil.which("promtool") is not None, "apt-get install prometheus"),
        Need("go", lambda: shutil.which("go") is not None, "apt-get install golang-go"),
        Need("systemd", lambda: shutil.which("systemd-analyze") is not None, "apt-get install systemd"),
        Need(OTHER_PYTHON, lambda: True, "apt-get install python3-venv"),
        Need("node", lambda: shutil.which("npm") is not None, "apt-get install nodejs npm"),
    )
}

SKIPPED = "lacking: "
LEFT_OUT = "left out of the quick run: "
_SLOW = ("chromium", "container engine", "nginx", "caddy", "prometheus", "go", "node", OTHER_PYTHON)
_left_out: set[str] = set()


@cache
def _present(name: str) -> bool:
    return NEEDS[name].present()


def leave_out_slow_needs() -> None:
    """From now on skip the tests that need browsers, containers, or programs of others."""
    _left_out.update(_SLOW)


def require(name: str) -> None:
    """Go on if the machine has `name`; else skip the test, or fail it where CI=true.

    A quick run skips what needs a slow one, wherever it runs.
    """
    if name in _left_out:
        pytest.skip(f"{LEFT_OUT}{name}")
    if _present(name):
        return
    reason = f"{SKIPPED}{name}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} ({NEEDS[name].install})", pytrace=False)
    pytest.skip(reason)
