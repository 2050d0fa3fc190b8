"""Write reason codes and metrics into their pages: `make format` runs this, and `make check` with --check.

Usage: document_reasons.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from auth_service import metrics as auth_metrics
from auth_service.protocol import reasons as auth
from resource_service import metrics as resource_metrics
from resource_service import reasons as resource
from shared.metrics.reference import metrics_table
from shared.reasons import CommonReason, reasons_table

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGES = {
    "why.md": {
        "### Both services": reasons_table(CommonReason),
        "### Authorization server": reasons_table(auth.Reason),
        "### Resource server": reasons_table(resource.Reason),
    },
    "metrics.md": {
        "### Authorization server": metrics_table(auth_metrics.METRICS),
        "### Resource service": metrics_table(resource_metrics.METRICS),
    },
}


def documented(page: str, sections: Mapping[str, str]) -> str:
    """Return the page with the current tables at its end."""
    introduction = page[: page.index(next(iter(sections)))]
    return introduction + "\n".join(f"{heading}\n\n{table}\n" for heading, table in sections.items())


def main() -> int:
    """Write the pages, or with --check, report that one is outdated."""
    outdated = False
    for name, sections in PAGES.items():
        page = (REFERENCE / name).read_text()
        current = documented(page, sections)
        if page == current:
            continue
        if "--check" in sys.argv[1:]:
            print(f"docs/reference/{name} lacks an entry, or has one too many: run make format")
            outdated = True
        else:
            (REFERENCE / name).write_text(current)
    return int(outdated)


if __name__ == "__main__":
    sys.exit(main())
