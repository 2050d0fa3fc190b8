"""Check that the authorization server grants the scopes that a policy requires (AS-21).

Clients request every announced scope, and those that a challenge names. A scope that is not granted sends
them round in circles, so it is logged before the first of them connects.
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
"""The last one repeatedly: the two services may be started in any order."""

_log = get_logger(__name__)


@asynccontextmanager
async def scope_check_running(
    policy: PolicyWatcher, metadata: Callable[[], Awaitable[bytes]], *, resource: str
) -> AsyncIterator[None]:
    """Log the scopes of each active policy that are not granted, for the length of the context.

    Args:
        metadata: returns the authorization server's RFC 8414 document, or raises a `Refusal`.
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
