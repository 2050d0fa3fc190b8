"""Whether the authorization server grants the scopes that a policy asks for (AS-21).

Clients ask for every scope that is announced, and for the one that a challenge names. One that is not granted
leads them round in a circle, so it is better said in the log before the first of them comes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from resource_service.errors import Refusal
from resource_service.policy.watcher import PolicyWatcher
from shared.logs import get_logger

ASK_AGAIN_AFTER_S = (1.0, 5.0, 30.0)
"""The last one again and again: the two services may be started in any order."""

_log = get_logger(__name__)


@asynccontextmanager
async def scope_check_running(
    policy: PolicyWatcher, metadata: Callable[[], Awaitable[bytes]], *, resource: str
) -> AsyncIterator[None]:
    """For the length of the context, say of each policy in force what of it is not granted.

    Args:
        metadata: the authorization server's RFC 8414 document; raises a `Refusal` where it cannot be had.
    """

    async def watch() -> None:
        while True:
            checked = policy.current
            if missing := sorted(set(checked.scopes) - await _granted(metadata)):
                event = "the authorization server does not grant every scope; see `doorward policy scopes`"
                _log.warning(event, resource=resource, missing=missing)
            if policy.current is checked:
                await policy.replaced.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield
        tasks.cancel_scope.cancel()


async def _granted(metadata: Callable[[], Awaitable[bytes]]) -> set[str]:
    attempt = 0
    while True:
        try:
            scopes = json.loads(await metadata()).get("scopes_supported")
            return (
                {scope for scope in scopes if isinstance(scope, str)} if isinstance(scopes, list) else set()
            )
        except Refusal:
            await anyio.sleep(ASK_AGAIN_AFTER_S[min(attempt, len(ASK_AGAIN_AFTER_S) - 1)])
            attempt += 1
