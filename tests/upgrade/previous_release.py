"""The code of an earlier release, as git has it, beside the libraries of this one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PREVIOUS = "9bf5f581642b"
"""The commit that stands for release N-1: the oldest one that reads compressed documents.

This release writes them, so no older commit can run beside it.
"""
BEFORE_PINS = "dd5780d0b69a"
"""The last commit whose authorization server refuses kinds of events that it does not have."""

PACKAGES = ("auth_service", "resource_service", "shared")
_PIN = re.compile(r"^([a-z0-9._-]+(?:\[[^]]*])?==[^ ;\\]+)", re.MULTILINE)


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)


def require_history(commit: str = PREVIOUS) -> None:
    """Skip the test in a checkout without the commit; fail if CI=true."""
    if _git("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0:
        return
    missing = (
        f"this checkout has no commit {commit}, the earlier release of this test;"
        " fetch the whole history: git fetch --unshallow"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def extract(directory: Path, commit: str = PREVIOUS) -> Path:
    """Write the packages of the earlier release to `directory`, and return it."""
    archive = _git("archive", commit, *PACKAGES)
    assert archive.returncode == 0, archive.stderr
    directory.mkdir()
    subprocess.run(["tar", "-x", "-C", str(directory)], input=archive.stdout, check=True)
    return directory


def pins_of_other_versions() -> set[str]:
    """Return what the earlier release locked in versions that this one does not."""
    earlier = _git("show", f"{PREVIOUS}:requirements.lock").stdout.decode()
    return set(_PIN.findall(earlier)) - set(_PIN.findall((ROOT / "requirements.lock").read_text()))
