"""The code and the tests named in docs/reference/protocol.md exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auth_service.protocol.budgets import budgets_table

ROOT = Path(__file__).resolve().parent.parent
ROWS = [
    line
    for line in (ROOT / "docs" / "reference" / "protocol.md").read_text().splitlines()
    if line.count("|") == 5 and "---" not in line and not line.startswith(("| standard", "| tolerated"))
]


def test_the_table_of_budgets_is_the_one_that_is_enforced() -> None:
    assert budgets_table() in (ROOT / "docs" / "reference" / "protocol.md").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_each_row_names_code_and_tests_that_exist(row: str) -> None:
    _, _, _, code, tests, _ = row.split("|")
    for cell, pattern in (
        (code, r"\A(auth_service|resource_service|shared)/.+\.py\Z"),
        (tests, r"\Atests/.*test_.+\.py\Z"),
    ):
        paths = re.findall(r"`([^`]+)`", cell)
        assert paths
        for path in paths:
            assert re.match(pattern, path), path
            assert (ROOT / path).is_file(), path
            if path.startswith("tests/"):
                assert "\ndef test_" in (text := (ROOT / path).read_text()) or " def test_" in text
