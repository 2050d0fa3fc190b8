"""The documentation as a site: every page is in its navigation, and no link is broken (`make docs`)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.machine import OTHER_PYTHON, require

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PICTURE = re.compile(r"images/([^)\"]+)")
CHECKS = re.compile(r"^\| `([a-z-]+)`", re.MULTILINE)


def pages(entry: object) -> set[str]:
    """Return the files of a navigation."""
    if isinstance(entry, str):
        return {entry}
    items = entry.values() if isinstance(entry, dict) else entry
    assert not isinstance(items, object) or hasattr(items, "__iter__")
    return set().union(*map(pages, items))


def test_every_page_is_in_the_navigation() -> None:
    listed = pages(yaml.safe_load((DOCS / "site.yml").read_text())["nav"])
    existing = {str(page.relative_to(ROOT)) for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]}
    assert listed == existing


def test_the_guide_to_troubleshooting_names_checks_of_the_doctor() -> None:
    checks = set(CHECKS.findall((DOCS / "reference" / "doctor.md").read_text()))
    rows = [line for line in (DOCS / "how-to" / "troubleshoot.md").read_text().splitlines() if "|" in line]
    named = {name for row in rows[2:] for name in re.findall(r"`([a-z-]+)`", row.split("|")[2])}
    assert named
    assert named <= checks


def test_every_picture_exists_and_is_used() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    used = set().union(*(PICTURE.findall(page.read_text()) for page in pages))
    assert used == {path.name for path in (DOCS / "images").iterdir()}


@pytest.mark.long
def test_the_site_builds_without_a_broken_link() -> None:
    require(OTHER_PYTHON)
    built = subprocess.run(
        ["make", "docs"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (ROOT / ".docs" / "site" / "docs" / "how-to" / "upgrade" / "index.html").exists()
