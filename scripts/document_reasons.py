"""Write the reason codes into docs/reference/why.md: `make format` runs this, and `make check` with --check.

Usage: document_reasons.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from auth_service.protocol import reasons as auth
from resource_service import reasons as resource
from shared.reasons import CommonReason, reasons_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "why.md"
SECTIONS = {
    "### Both services": CommonReason,
    "### Authorization server": auth.Reason,
    "### Resource server": resource.Reason,
}


def documented(page: str) -> str:
    """Return the page with current tables of the reason codes at its end."""
    introduction = page[: page.index(next(iter(SECTIONS)))]
    tables = (f"{heading}\n\n{reasons_table(catalogue)}\n" for heading, catalogue in SECTIONS.items())
    return introduction + "\n".join(tables)


def main() -> int:
    """Write the page, or with --check, report that it is outdated."""
    page = PAGE.read_text()
    if page == documented(page):
        return 0
    if "--check" in sys.argv[1:]:
        print("docs/reference/why.md lacks a reason code, or has one too many: run make format")
        return 1
    PAGE.write_text(documented(page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
