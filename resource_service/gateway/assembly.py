"""Assemble the gateway to one upstream."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.types import ASGIApp

from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.connections import upstream_client
from resource_service.gateway.environment import forwarded_environment
from resource_service.gateway.http import HttpGateway
from resource_service.gateway.identity import Identity
from resource_service.gateway.large_answers import LargeAnswers
from resource_service.gateway.pool import Limits, ProcessPool
from resource_service.gateway.sessions import SessionOwners
from resource_service.gateway.stdio import StdioGateway
from resource_service.gateway.upstream import Upstream
from resource_service.identity_token import IdentityTokens
from resource_service.settings import ResourceSettings
from resource_service.targets import HttpTarget, StdioTarget

Run = Callable[[], AbstractAsyncContextManager[object]]


def gateway_to(settings: ResourceSettings, tokens: IdentityTokens) -> tuple[ASGIApp, Run]:
    """Create the gateway to the upstream of `settings`, and the context that it must run in."""
    match settings.target:
        case HttpTarget() as target:
            return _over_http(target, settings, tokens)
        case StdioTarget() as target:
            return _over_stdio(target, settings)
        case None:
            raise ValueError("the settings name no upstream")


def _over_http(target: HttpTarget, settings: ResourceSettings, tokens: IdentityTokens) -> tuple[ASGIApp, Run]:
    client = upstream_client(
        connect_timeout_s=settings.upstream_connect_timeout_s,
        silence_s=settings.upstream_silence_s,
        max_connections=settings.upstream_connections,
    )
    sessions = SessionOwners(
        idle_s=settings.session_idle_s, max_sessions=settings.max_sessions, monotonic=time.monotonic
    )
    authorization = settings.upstream_authorization
    gateway = HttpGateway(
        upstream=Upstream(client, target),
        authorization=None if authorization is None else authorization.get_secret_value(),
        identity=Identity(tokens, settings.resource, target.audience),
        sessions=sessions,
        share=ConcurrencyLimit(settings.upstream_connections_per_principal),
        large_answers=LargeAnswers(),
        max_body_bytes=settings.max_body_bytes,
        max_answer_bytes=settings.upstream_max_message_bytes,
        headers=settings.upstream_headers,
    )
    return gateway, lambda: client


def _over_stdio(target: StdioTarget, settings: ResourceSettings) -> tuple[ASGIApp, Run]:
    limits = Limits(
        processes=settings.stdio_processes,
        per_principal=settings.stdio_processes_per_principal,
        idle_s=settings.stdio_idle_s,
        renewal_s=settings.stdio_renewal_s,
        silence_s=settings.upstream_silence_s,
        max_message_bytes=settings.stdio_max_message_bytes,
    )
    pool = ProcessPool(target, limits, forwarded_environment(settings.stdio_environment))
    gateway = StdioGateway(pool, max_body_bytes=settings.max_body_bytes)
    return gateway, gateway.run
