"""docs/explanation/security.md names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "explanation" / "security.md").read_text()


def test_every_file_that_the_document_names_exists() -> None:
    named = set(
        re.findall(r"`((?:auth_service|resource_service|shared|tests|docs|deploy)/[\w./-]+)`", DOCUMENT)
    )
    assert len(named) > 50
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
