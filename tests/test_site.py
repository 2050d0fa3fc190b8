"""The documentation as a site: every page is in its navigation, and no link is broken (`make docs`)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from shared.cli.doctor.checks import CHECKS
from tests.machine import OTHER_PYTHON, require

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PICTURE = re.compile(r"images/([^)\"]+)")


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


def test_every_check_of_the_doctor_is_in_the_guide_to_troubleshooting() -> None:
    lines = (DOCS / "how-to" / "troubleshoot.md").read_text().splitlines()
    rows = [line.split("|") for line in lines if line.startswith("|")][2:]
    assert set().union(*(re.findall(r"`([a-z-]+)`", row[2]) for row in rows)) == CHECKS.keys()


def test_the_guide_to_monitoring_has_every_alert_and_only_metrics_that_exist() -> None:
    guide = (DOCS / "how-to" / "monitor.md").read_text()
    rules = yaml.safe_load((ROOT / "deploy" / "observability" / "rules.yml").read_text())
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Doorward\w+)`", guide, re.MULTILINE) == alerts
    metrics = (DOCS / "reference" / "metrics.md").read_text()
    assert [name for name in re.findall(r"`(doorward_\w+)`", guide) if f"| `{name}` |" not in metrics] == []


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
