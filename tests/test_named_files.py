"""The files named by the documents about layout and mutations exist, and cite their standards."""

from __future__ import annotations

import re

import pytest

from tests.source_files import ROOT

LAYOUT = (ROOT / "docs" / "decisions" / "layout.md").read_text()
MUTATION = (ROOT / "docs" / "contributing" / "mutation.md").read_text()
STANDARDS = re.findall(r"^\| (.+?) \| `(\S+\.py)` \| hit \|$", LAYOUT, re.M)
CITATION = re.compile(r"RFC \d{4}|OAuth 2\.1|OpenID Connect|Logout|Client ID metadata documents")


def test_the_table_of_standards_is_complete() -> None:
    assert len(STANDARDS) == 31


@pytest.mark.parametrize(("standard", "path"), STANDARDS, ids=lambda text: text[:40])
def test_the_file_of_a_standard_cites_it(standard: str, path: str) -> None:
    source = (ROOT / path).read_text().replace("OIDC", "OpenID Connect")
    cited = CITATION.findall(standard)
    assert cited
    assert any(citation.casefold() in source.casefold() for citation in cited)


@pytest.mark.parametrize("kind", ["code", "tests"])
def test_the_files_named_by_the_list_of_mutations_exist(kind: str) -> None:
    pattern = (
        r"`((?:[\w/]+/)?test_[a-z]\w*\.py)`" if kind == "tests" else r"`((?:[\w/]+/)?(?!test_)[a-z]\w*\.py)`"
    )
    named = set(re.findall(pattern, MUTATION))
    folders = ("tests",) if kind == "tests" else ("auth_service", "resource_service", "shared", "scripts")
    files = [f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).glob("**/*.py")]
    assert named
    assert [name for name in sorted(named) if not any(file.endswith(f"/{name}") for file in files)] == []


def test_the_tests_named_by_the_list_of_mutations_exist() -> None:
    named = re.findall(r"`(tests/\S+?\.py)::(test_\w+)", MUTATION)
    assert len(named) >= 30
    assert [
        f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text()
    ] == []
