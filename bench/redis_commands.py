"""Counts the commands that Redis has executed."""

from __future__ import annotations

from typing import Any, cast

import redis

_BACKGROUND = 50
"""Commands in a turn that no request causes: the services look for changed settings and stay subscribed."""


def commands(store_url: str) -> int:
    """Return the number of commands that the Redis at `store_url` has executed; 0 without one."""
    if not store_url:
        return 0
    with redis.Redis.from_url(store_url) as store:
        return int(cast("dict[str, Any]", store.info("stats"))["total_commands_processed"])


def check_no_commands(before: int, after: int, *, requests: float) -> None:
    """Check that requests caused no commands.

    Raises:
        AssertionError: there was about one for each request, or one for every tenth.
    """
    caused = after - before
    assert caused <= _BACKGROUND + requests / 10, f"{caused} commands for {requests:.0f} requests"
