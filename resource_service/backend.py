"""What is behind the guard of one resource: the built-in MCP server, or a gateway to somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.types import ASGIApp

from resource_service.gateway.assembly import gateway_to
from resource_service.identity_token import IdentityTokens
from resource_service.mcp_server.notes import Notes
from resource_service.mcp_server.server import NotesServer
from resource_service.mcp_server.tools import POLICY
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.watcher import PolicyWatcher
from resource_service.settings import ResourceSettings

OPEN = Policy(scopes={}, default=Scopes())
"""Behind a gateway without a policy, a good token is enough for everything."""


@dataclass(frozen=True, slots=True)
class Backend:
    """An MCP server, and what it takes to use it.

    Attributes:
        app: for requests that have passed the guard.
        run: the context that `app` needs around it; to be entered once.
    """

    app: ASGIApp
    policy: PolicyWatcher
    run: Callable[[], AbstractAsyncContextManager[object]]


def built_in(settings: ResourceSettings, notes: Notes) -> Backend:
    """The notes."""
    policy = _policy(settings, otherwise=POLICY)
    server = NotesServer(notes, policy, max_body_bytes=settings.max_body_bytes)
    return Backend(server, policy, server.run)


def behind_gateway(settings: ResourceSettings, tokens: IdentityTokens) -> Backend:
    """The upstream of `settings`, which must name one.

    Args:
        tokens: what the upstream is told by who a request acts for.
    """
    app, run = gateway_to(settings, tokens)
    return Backend(app, _policy(settings, otherwise=OPEN), run)


def _policy(settings: ResourceSettings, *, otherwise: Policy) -> PolicyWatcher:
    return PolicyWatcher(otherwise) if settings.policy is None else PolicyWatcher.reload(settings.policy)
