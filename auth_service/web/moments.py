"""Times, as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.texts import Text, plural_text


def day(moment: int | None) -> str | None:
    """Format a time for people; None for never."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(moment: int, now: int) -> Text:
    """Format how long ago a time was; as the day, if more than two days ago."""
    passed_s = max(0, now - moment)
    if passed_s < 60:
        return Text("less than a minute ago")
    if passed_s < 3_600:
        return plural_text("%(count)s minute ago", "%(count)s minutes ago", passed_s // 60)
    if passed_s < 2 * 86_400:
        return plural_text("%(count)s hour ago", "%(count)s hours ago", passed_s // 3_600)
    return Text("on %(day)s", day=f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}")
