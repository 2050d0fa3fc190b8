"""`scripts/check_locks.py` tells locks that fit from locks that do not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the check reads."""
    for directory in ("deploy", "scripts"):
        (tmp_path / directory).mkdir()
    for path in (ROOT / "pyproject.toml", *ROOT.glob("*.lock"), *ROOT.glob("[ds]*/*.lock")):
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def check(project: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(ROOT / "scripts" / "check_locks.py"), str(project)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def test_the_locks_of_this_project_fit(project: Path) -> None:
    done = check(project)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "complaint"),
    [
        pytest.param("pyproject.toml", '"rich>=', '"rich>=999, >=', "requirements.lock: rich", id="too old"),
        pytest.param("pyproject.toml", '"rich>=', '"unheard-of>=', "unheard-of", id="not locked"),
        pytest.param(
            "pyproject.toml", '"zxcvbn>=.*",', "", "zxcvbn>=4.5 is a dependency", id="of a service alone"
        ),
        pytest.param(
            "deploy/auth.lock", "^rich==[^ ]+", "rich==999", "rich ['999']", id="differs in an image"
        ),
        pytest.param("deploy/auth.lock", "^rich==", "rich>=", "not a pinned, hashed entry", id="not pinned"),
        pytest.param(
            "requirements.lock", r"^(rich==\S+)( \\\n +--hash=\S+)+", r"\1", "not a pinned", id="no hash"
        ),
        pytest.param(
            "requirements.lock",
            r"^rich==\S+",
            "rich @ https://example.com/rich.whl",
            "not a pinned",
            id="a place",
        ),
        pytest.param(
            "requirements.lock", r"\A", "--index-url https://example.com\n", "not a pinned", id="an index"
        ),
    ],
)
def test_locks_that_do_not_fit_are_named(
    project: Path, file: str, pattern: str, replacement: str, complaint: str
) -> None:
    edit(project / file, pattern, replacement)
    done = check(project)
    assert done.returncode == 1
    assert complaint in done.stdout
