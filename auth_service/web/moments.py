"""Times, as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime


def day(moment: int | None) -> str | None:
    """Format a time for people; None for never."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
