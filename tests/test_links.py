"""Every relative link in the documentation leads to a file that exists, and every anchor to a heading."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def slug(heading: str) -> str:
    """Return the anchor that GitHub derives from a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page; a repeated heading gets a number."""
    slugs = [slug(heading) for heading in _HEADING.findall(_FENCED.sub("", page.read_text()))]
    return frozenset(
        f"{name}-{earlier}" if (earlier := slugs[:position].count(name)) else name
        for position, name in enumerate(slugs)
    )


def broken_links(page: Path) -> list[str]:
    """Return the links of a page whose file or anchor does not exist."""
    broken = []
    for target, anchor in _LINK.findall(_FENCED.sub("", page.read_text())):
        linked = (page.parent / target).resolve() if target else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert broken_links(page) == []


def test_a_missing_file_and_a_missing_heading_are_found(tmp_path: Path) -> None:
    (page := tmp_path / "page.md").write_text(
        "# One\n\n[a](#one) [b](#two) [c](page.md#one) [d](gone.md) [e](https://x.y)\n"
    )
    assert broken_links(page) == ["#two", "gone.md"]


def test_the_index_lists_every_page() -> None:
    listed = {(DOCS / target).resolve() for target, _ in _LINK.findall((DOCS / "README.md").read_text())}
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}
    assert pages - listed == {DOCS / "README.md"}
