"""The queries of a verifier at the authorization server: about tokens, and about approvals of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from resource_service.call_approvals.answers import Approval
from resource_service.call_approvals.client import ApprovalQuestion
from resource_service.call_approvals.configured import approval_client, approval_endpoint
from resource_service.introspection.chain import IntrospectionChain
from resource_service.introspection.client import Introspect
from resource_service.settings import ResourceSettings


@dataclass(frozen=True, slots=True)
class Queries:
    """The queries, for one run of the server.

    Attributes:
        run: the context in which revocations are followed and connections kept; enter it once.
    """

    introspect: Introspect
    ask_approval: Callable[[ApprovalQuestion], Awaitable[Approval | None]]
    run: Callable[[], AbstractAsyncContextManager[None]]


def queries(settings: ResourceSettings, chain: IntrospectionChain) -> Queries:
    """Create the queries.

    Args:
        chain: validates tokens.
    """
    approvals = approval_endpoint(settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with approvals.run(), chain.run():
            yield

    return Queries(chain.introspect, approval_client(settings, approvals).ask, run)
