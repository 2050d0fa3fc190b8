"""The backend of one resource: the built-in MCP server, or a gateway to another one."""

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
"""Behind a gateway without a policy, a valid token permits everything."""


@dataclass(frozen=True, slots=True)
class Backend:
    """An MCP server behind the guard, with its scope policy.

    Attributes:
        app: the ASGI app for requests that have passed the guard.
        run: the context that `app` must run in; enter it once.
    """

    app: ASGIApp
    policy: PolicyWatcher
    run: Callable[[], AbstractAsyncContextManager[object]]


def built_in(settings: ResourceSettings, notes: Notes) -> Backend:
    """Create the backend for the built-in notes server."""
    policy = _policy(settings, otherwise=POLICY)
    server = NotesServer(notes, policy, max_body_bytes=settings.max_body_bytes)
    return Backend(server, policy, server.run)


def behind_gateway(settings: ResourceSettings, tokens: IdentityTokens) -> Backend:
    """Create a gateway to the upstream of `settings`, which must name one.

    Args:
        tokens: issues the identity tokens that tell the upstream who a request acts for.
    """
    app, run = gateway_to(settings, tokens)
    return Backend(app, _policy(settings, otherwise=OPEN), run)


def _policy(settings: ResourceSettings, *, otherwise: Policy) -> PolicyWatcher:
    return PolicyWatcher(otherwise) if settings.policy is None else PolicyWatcher.reload(settings.policy)
