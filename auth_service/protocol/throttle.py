"""A brake: so many attempts in a window of time, then a wait."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within `window_s` seconds."""

    attempts: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts counted since `since` (seconds since 1970)."""

    since: int
    count: int


def count(tally: Tally | None, limit: Limit, now: int) -> tuple[Tally | None, int]:
    """Count one more attempt.

    Returns:
        the new tally (None: unchanged), and the seconds to wait, 0 where the attempt may go on.
    """
    if tally is None or now >= tally.since + limit.window_s:
        return Tally(now, 1), 0
    if tally.count >= limit.attempts:
        return None, max(1, tally.since + limit.window_s - now)
    return replace(tally, count=tally.count + 1), 0


def forgive(tally: Tally) -> tuple[Tally | None, None]:
    """Take back one attempt, that turned out to be a good one."""
    return (replace(tally, count=tally.count - 1), None) if tally.count else (None, None)
