"""Times, as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime


def day(moment: int | None) -> str | None:
    """Format a time for people; None for never."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(moment: int, now: int) -> str:
    """Format how long ago a time was; as the day, if more than two days ago."""
    passed_s = max(0, now - moment)
    if passed_s < 60:
        return "less than a minute ago"
    for unit, length_s, most_s in (("minute", 60, 3_600), ("hour", 3_600, 2 * 86_400)):
        if passed_s < most_s:
            count = passed_s // length_s
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"on {datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
