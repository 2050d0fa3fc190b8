"""The chain of validators between the guard and the authorization server.

Both `main` and the verifiers build it here, so every addition serves both. Outermost first:
`LocalJwtValidator`, `IntrospectionCache` with `SingleFlight` in it, `CircuitBreaker`, `IntrospectionClient`.
Beside them, the `RevocationFeed` notifies the first two of revoked tokens, and the `Leases` of responses that
must end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass

from resource_service.authorization_server_client import http_client, own_authorization
from resource_service.authorization_server_endpoint import AuthorizationServerEndpoint
from resource_service.introspection.cache import IntrospectionCache
from resource_service.introspection.circuit_breaker import CircuitBreaker
from resource_service.introspection.client import (
    Introspect,
    IntrospectionClient,
    NeedsGroups,
    NeedsSoftware,
    no_groups,
    no_software,
)
from resource_service.introspection.ended_grants import EndedGrants, RefusingEnded
from resource_service.introspection.issuer_keys import JWKS_PATH, IssuerKeys
from resource_service.introspection.listeners import Listeners
from resource_service.introspection.local_jwt_validator import LocalJwtValidator
from resource_service.introspection.measured import measure_breaker, measure_cache
from resource_service.introspection.revocation_feed import (
    POLL_TIMEOUT_S,
    REVOCATIONS_PATH,
    Listener,
    RevocationFeed,
    Source,
    TakeDisconnections,
    TakeVersion,
)
from resource_service.introspection.revoked_grants import RevokedGrants
from resource_service.introspection.signed_answers import SignedAnswers
from resource_service.introspection.single_flight import SingleFlight
from resource_service.metrics import FeedMetrics, ResourceMetrics
from resource_service.settings import ResourceSettings
from resource_service.stops.stopped_list import StoppedList
from shared.clock import Clock, steady_clock, system_clock
from shared.in_background import in_background

JOIN_FOR_S = 0.25
"""The maximum age of an answer about a token: see `SingleFlight`."""

FIRST_ANSWER_S = 1.0
"""How long a start waits for the first answer of the revocation feed."""

MAX_KEY_CONNECTIONS = 2
MAX_FEED_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class IntrospectionChain:
    """The token validation of a guard.

    Attributes:
        run: the context that `introspect` must run in; enter it once.
    """

    introspect: Introspect
    run: Callable[[], AbstractAsyncContextManager[object]]


def introspection_chain(
    settings: ResourceSettings,
    clock: Clock = system_clock,
    leases: Listener | None = None,
    needs_groups: NeedsGroups = no_groups,
    *,
    metrics: ResourceMetrics | None = None,
    stopped: StoppedList | None = None,
    disconnected: TakeDisconnections | None = None,
    approvals: TakeVersion | None = None,
) -> IntrospectionChain:
    """Build the chain to the authorization server of `settings`, with its own connections.

    Args:
        clock: determines when tokens expire.
        leases: also notified of revocations; None if nothing stays open.
        needs_groups: whether a current policy names groups.
        stopped: learns what the operator has stopped.
        disconnected: learns which connected accounts have ended.
        approvals: learns the version of the approved definitions.
        metrics: measures the cache, the circuit breaker and the feed; None measures nothing.
    """
    http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=MAX_KEY_CONNECTIONS)
    keys = IssuerKeys(
        http,
        f"{settings.authorization_server_url}{JWKS_PATH}",
        timeout_s=settings.introspection_timeout_s,
        steady_clock=steady_clock,
    )
    signed = SignedAnswers(keys, settings.issuer, settings.resource_server_id, clock)
    endpoint = AuthorizationServerEndpoint(
        settings.introspection_url, timeout_s=settings.introspection_timeout_s
    )
    needs_software = no_software if stopped is None else stopped.names_software
    client = IntrospectionClient(
        post=endpoint.post,
        authorization=own_authorization(settings),
        signed=signed if settings.signed_introspection else None,
        needs_groups=needs_groups,
        needs_software=needs_software,
    )
    breaker = CircuitBreaker(client.ask, steady_clock)
    introspect: Introspect = breaker
    if metrics is not None:
        measure_breaker(metrics, breaker)
    listeners: list[Listener] = [] if leases is None else [leases]
    if settings.introspection_cache_s:
        introspect = cache = _cache(
            introspect, settings, clock, needs_groups=needs_groups, needs_software=needs_software
        )
        listeners.append(cache)
        if metrics is not None:
            measure_cache(metrics, cache)
    else:
        introspect = SingleFlight(introspect, join_for_s=JOIN_FOR_S)
    if settings.verify_jwt_locally:
        revoked = RevokedGrants(clock=clock, steady_clock=steady_clock)
        introspect = LocalJwtValidator(
            introspect,
            keys,
            revoked,
            issuer=settings.issuer,
            resources=settings.resources,
            clock=clock,
            needs_groups=needs_groups,
            needs_software=needs_software,
        )
        listeners.append(revoked)
    if metrics is not None and listeners:
        listeners.append(FeedMetrics(metrics, steady_clock))
    ended = EndedGrants(clock)
    introspect = RefusingEnded(introspect, ended)
    listen = (
        _listening(
            settings,
            keys,
            Listeners(*listeners),
            ended=ended,
            stopped=stopped,
            disconnected=disconnected,
            approvals=approvals,
            clock=clock,
        )
        if listeners
        else nullcontext
    )

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with http, endpoint.run(), listen():
            yield

    return IntrospectionChain(introspect, run)


def _cache(
    ask: Introspect,
    settings: ResourceSettings,
    clock: Clock,
    *,
    needs_groups: NeedsGroups,
    needs_software: NeedsSoftware,
) -> IntrospectionCache:
    return IntrospectionCache(
        ask,
        keep_for_s=settings.introspection_cache_s,
        join_for_s=JOIN_FOR_S,
        clock=clock,
        steady_clock=steady_clock,
        needs_groups=needs_groups,
        needs_software=needs_software,
        outage_grace_s=settings.outage_grace_s,
    )


def _listening(
    settings: ResourceSettings,
    keys: IssuerKeys,
    listener: Listener,
    *,
    ended: EndedGrants,
    stopped: StoppedList | None,
    disconnected: TakeDisconnections | None,
    approvals: TakeVersion | None,
    clock: Clock,
) -> Callable[[], AbstractAsyncContextManager[None]]:
    # Separate connections: pending introspections must not delay revocations.
    http = http_client(timeout_s=POLL_TIMEOUT_S, max_connections=MAX_FEED_CONNECTIONS)
    source = Source(
        url=f"{settings.authorization_server_url}{REVOCATIONS_PATH}",
        authorization=own_authorization(settings),
        issuer=settings.issuer,
        audience=settings.resource_server_id,
    )
    revocation_feed = RevocationFeed(
        http,
        source,
        keys,
        listener,
        clock=clock,
        steady_clock=steady_clock,
        cached=settings.introspection_cache_s > 0,
        ended=ended,
        stopped=stopped,
        disconnected=disconnected,
        approvals=approvals,
    )

    @asynccontextmanager
    async def listen() -> AsyncIterator[None]:
        async with http, in_background(revocation_feed.follow()):
            if stopped is not None:
                # Before the first request, so that what was stopped stays stopped when a process starts.
                with suppress(TimeoutError):
                    async with asyncio.timeout(FIRST_ANSWER_S):
                        await revocation_feed.tried.wait()
            yield

    return listen
