"""The primary of the latest failover, as the Sentinels know it.

A primary that is cut off from its replicas does not learn of the failover, and goes on answering on open
connections, without what was revoked since. So these are checked against the Sentinels.
"""

from __future__ import annotations

import asyncio

from redis.asyncio import Sentinel

from shared.storage.redis_pipeline import Place


async def newest_primaries(sentinel: Sentinel, service: str) -> set[Place]:
    """Ask all Sentinels; return the primary with the highest configuration epoch, empty if none answers.

    Each failover has a higher epoch than the one before. A Sentinel that is cut off together with the old
    primary still names that one, so one answer is not enough. Sentinels may name one server in several ways.
    """
    answers = await asyncio.gather(
        *(each.sentinel_masters() for each in sentinel.sentinels), return_exceptions=True
    )
    named = [answer[service] for answer in answers if isinstance(answer, dict) and service in answer]
    newest = max((state["config-epoch"] for state in named), default=0)
    return {(state["ip"], state["port"]) for state in named if state["config-epoch"] == newest}
