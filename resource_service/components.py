"""The components of the resource server: one dataclass per subject, with a function that creates it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from resource_service.auth.dpop.check import dpop_validator_for
from resource_service.authorization_server_client import (
    AuthorizationServerClient,
    http_client,
    own_authorization,
)
from resource_service.authorization_server_endpoint import AuthorizationServerEndpoint, endpoint_at
from resource_service.call_approvals.configured import approval_client, approval_endpoint
from resource_service.connected_accounts.accounts import ConnectedAccounts
from resource_service.connected_accounts.client import PATH as ACCOUNT_PATH
from resource_service.connected_accounts.client import AccountClient
from resource_service.errors import Refuse
from resource_service.gateway.concurrency_limit import PER_PRINCIPAL, ConcurrencyLimit
from resource_service.gateway.connections import upstream_client
from resource_service.gateway.environment import forwarded_environment
from resource_service.gateway.http import HttpGateway
from resource_service.gateway.identity import Identity
from resource_service.gateway.large_answers import LargeAnswers
from resource_service.gateway.measured import MeasuredBackend, measure_processes
from resource_service.gateway.pool import Limits, ProcessPool
from resource_service.gateway.sessions import SessionOwners
from resource_service.gateway.stdio import StdioGateway
from resource_service.gateway.upstream import Upstream
from resource_service.identity_token import IdentityTokens
from resource_service.introspection.chain import introspection_chain
from resource_service.introspection.circuit_breaker import CircuitBreaker
from resource_service.introspection.client import NeedsGroups, no_groups
from resource_service.introspection.leases import Leases
from resource_service.introspection.listeners import Listeners
from resource_service.joined.resource import JoinedResource, joined_resource
from resource_service.journal.call_journal import CallJournal
from resource_service.journal.configured import call_journal, deliveries
from resource_service.journal.measured import measure_calls
from resource_service.journal.recorder import CallRecorder
from resource_service.limits.counting import CallCounting, call_counting
from resource_service.mcp_server.notes import Notes
from resource_service.mcp_server.server import NotesServer
from resource_service.mcp_server.tools import POLICY
from resource_service.metrics import ResourceMetrics
from resource_service.pins.reporter import AnnouncedApprovals, DefinitionReporter
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.watcher import PolicyWatcher
from resource_service.resource import (
    Backend,
    ProtectedResource,
    TokenValidation,
    authenticate_at,
    hash_key,
    protected_resource,
)
from resource_service.settings import ResourceSettings
from resource_service.stops.stopped_list import StoppedList
from resource_service.storage.shared_store import SharedStore, shared_store
from resource_service.targets import HttpTarget, StdioTarget
from shared.clock import Clock, steady_clock
from shared.http1 import Client

OPEN = Policy(scopes={}, default=Scopes())
"""Behind a gateway without a policy, a valid token permits everything."""


@dataclass(frozen=True, kw_only=True)
class Infrastructure:
    """The foundation of all components.

    Attributes:
        identity_tokens: tell upstreams for whom a request acts.
        notes: the notes of the built-in MCP server; None if an upstream is served instead.
        store: what all processes of this service share; None if there is no such store.
        counting: counts calls against the limits of policies.
    """

    settings: ResourceSettings
    clock: Clock
    authorization_server: AuthorizationServerClient
    identity_tokens: IdentityTokens
    notes: Notes | None
    store: SharedStore | None
    counting: CallCounting


def infrastructure(settings: ResourceSettings, clock: Clock) -> Infrastructure:
    """Create the infrastructure, only from the arguments."""
    store = shared_store(settings.resource_store)
    http = http_client(timeout_s=settings.introspection_timeout_s, max_connections=20)
    return Infrastructure(
        settings=settings,
        clock=clock,
        authorization_server=AuthorizationServerClient(http, settings, clock),
        identity_tokens=IdentityTokens(settings.identity_private_key, clock),
        notes=Notes(settings.notes, clock) if settings.serves_notes else None,
        store=store,
        counting=call_counting(store, settings.resource_server_id),
    )


def token_validation(
    base: Infrastructure, needs_groups: NeedsGroups = no_groups, metrics: ResourceMetrics | None = None
) -> TokenValidation:
    """Create the validation of the tokens and proofs of all resources."""
    settings, clock = base.settings, base.clock
    # They depend on each other: leases introspect tokens by the chain, which notifies them of revocations.
    leases = Leases(lambda token: chain.introspect(token), clock, steady_clock)
    stopped = StoppedList()
    endpoint = endpoint_at(settings, ACCOUNT_PATH)
    approvals = approval_endpoint(settings)
    accounts = connected_accounts(settings, endpoint)
    announced = AnnouncedApprovals()
    chain = introspection_chain(
        settings,
        clock,
        Listeners(leases, accounts),
        needs_groups,
        metrics=metrics,
        stopped=stopped,
        disconnected=accounts.disconnected,
        approvals=announced.announce,
    )

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with endpoint.run(), approvals.run(), chain.run():
            yield

    return TokenValidation(
        introspect=chain.introspect,
        run=run,
        stopped=stopped,
        ask_approval=approval_client(settings, approvals).ask,
        accounts=accounts,
        announced=announced,
        dpop_validator=dpop_validator_for(settings, clock, base.store),
        leases=leases,
        clock=clock,
    )


def connected_accounts(
    settings: ResourceSettings, endpoint: AuthorizationServerEndpoint
) -> ConnectedAccounts:
    """Create the connected accounts of all resources, asked for as tokens are introspected."""
    client = AccountClient(
        post=endpoint.post,
        authorization=own_authorization(settings),
        issuer=settings.issuer,
    )
    return ConnectedAccounts(CircuitBreaker(client.ask, steady_clock), steady_clock)


def notes_backend(settings: ResourceSettings, notes: Notes) -> Backend:
    """Create the backend for the built-in notes server."""
    policy = _policy(settings, otherwise=POLICY)
    server = NotesServer(notes, policy, max_body_bytes=settings.max_body_bytes)
    return Backend(app=server, policy=policy, run=server.run)


def gateway_backend(
    base: Infrastructure, settings: ResourceSettings, metrics: ResourceMetrics | None = None
) -> Backend:
    """Create a gateway to the upstream of `settings`, which must name one."""
    policy = _policy(settings, otherwise=OPEN)
    match settings.target:
        case HttpTarget() as target:
            client = _upstream_client(settings, target)
            gateway = _http_gateway(base, settings, Upstream(client, target))
            return Backend(app=gateway, policy=policy, run=lambda: client)
        case StdioTarget() as target:
            pool = _process_pool(base, settings, target)
            if metrics is not None:
                measure_processes(metrics, settings.mcp_path or "/", pool)
            app = StdioGateway(pool, max_body_bytes=settings.max_body_bytes)
            return Backend(app=app, policy=policy, run=pool.run)
        case None:
            raise ValueError("the settings name no upstream")


def _policy(settings: ResourceSettings, *, otherwise: Policy) -> PolicyWatcher:
    return PolicyWatcher(otherwise) if settings.policy is None else PolicyWatcher.reload(settings.policy)


def _upstream_client(settings: ResourceSettings, target: HttpTarget) -> Client:
    return upstream_client(
        target,
        connect_timeout_s=settings.upstream_connect_timeout_s,
        silence_s=settings.upstream_silence_s,
        max_connections=settings.upstream_connections,
    )


def _http_gateway(base: Infrastructure, settings: ResourceSettings, upstream: Upstream) -> HttpGateway:
    authorization = settings.upstream_authorization
    sessions = SessionOwners(
        idle_s=settings.session_idle_s, max_sessions=settings.max_sessions, monotonic=time.monotonic
    )
    return HttpGateway(
        upstream=upstream,
        authorization=None if authorization is None else authorization.get_secret_value(),
        identity=Identity(base.identity_tokens, settings.resource, upstream.target.audience),
        sessions=sessions,
        share=ConcurrencyLimit(settings.upstream_connections_per_principal, limit=PER_PRINCIPAL),
        common_share=base.counting.person_slots(
            ("exchanges", settings.resource), settings.upstream_connections_per_principal
        ),
        large_answers=LargeAnswers(),
        max_body_bytes=settings.max_body_bytes,
        max_answer_bytes=settings.upstream_max_message_bytes,
        headers=settings.upstream_headers,
        key_header=settings.key_header,
    )


def _process_pool(base: Infrastructure, settings: ResourceSettings, target: StdioTarget) -> ProcessPool:
    limits = Limits(
        processes=settings.stdio_processes,
        per_principal=settings.stdio_processes_per_principal,
        idle_s=settings.stdio_idle_s,
        renewal_s=settings.stdio_renewal_s,
        silence_s=settings.upstream_silence_s,
        max_message_bytes=settings.stdio_max_message_bytes,
    )
    share = base.counting.person_slots(
        ("commands", settings.resource), settings.stdio_processes_per_principal
    )
    return ProcessPool(
        target,
        limits,
        forwarded_environment(settings.stdio_environment),
        share,
        # Of all mounts: a process outside could read the keys of those inside.
        isolated=base.settings.isolates_commands,
        key_variable=settings.upstream_api_key_variable,
    )


def main_backend(base: Infrastructure, metrics: ResourceMetrics | None) -> Backend | None:
    """Create the backend of the main resource; None if there are only mounts."""
    settings = base.settings
    if base.notes is not None:
        return notes_backend(settings, base.notes)
    return None if settings.upstream is None else gateway_backend(base, settings, metrics)


def measured(backend: Backend, settings: ResourceSettings, metrics: ResourceMetrics | None) -> Backend:
    """Measure the requests to a backend, if metrics are on."""
    if metrics is None:
        return backend
    mount = settings.mcp_path or "/"
    return replace(backend, app=MeasuredBackend(backend.app, mount, metrics.measurements))


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The resources of this service.

    Attributes:
        main: at the URL of the settings; None if there are only mounts.
        mounts: the resources beside it.
        joined: all mounts at the URL of the settings; None if they are not joined.
    """

    main: ProtectedResource | None
    mounts: Sequence[ProtectedResource]
    joined: JoinedResource | None = None

    @property
    def all(self) -> Sequence[ProtectedResource]:
        """Every resource, the main one first."""
        return self.mounts if self.main is None else [self.main, *self.mounts]

    @property
    def at_urls(self) -> Sequence[ProtectedResource | JoinedResource]:
        """Everything with a URL of its own."""
        return self.all if self.joined is None else [self.joined, *self.all]


def resources(
    base: Infrastructure,
    validation: TokenValidation,
    journal: CallJournal,
    metrics: ResourceMetrics | None = None,
) -> Resources:
    """Create the resources of the settings, all with the same validation of tokens."""
    settings, backend = base.settings, main_backend(base, metrics)
    mounts = [
        protected_resource(
            mount,
            measured(gateway_backend(base, mount, metrics), mount, metrics),
            validation,
            journal,
            counting=base.counting,
            store=base.store,
        )
        for mount in map(settings.for_mount, settings.mounts)
    ]
    return Resources(
        joined=_joined(settings, mounts, validation, journal) if settings.join else None,
        main=None
        if backend is None
        else protected_resource(
            settings,
            measured(backend, settings, metrics),
            validation,
            journal,
            counting=base.counting,
            store=base.store,
        ),
        mounts=mounts,
    )


def _joined(
    settings: ResourceSettings,
    mounts: Sequence[ProtectedResource],
    validation: TokenValidation,
    journal: CallJournal,
) -> JoinedResource:
    return joined_resource(
        settings,
        {mount.path: mount.guard for mount in mounts},
        authenticate=authenticate_at(settings, validation),
        calls=CallRecorder(journal, settings.resource, settings.mcp_path or "/", hash_key(settings)),
    )


@dataclass(frozen=True, kw_only=True)
class Components:
    """All components, by subject.

    Attributes:
        refuse: builds the response to a refusal outside of a resource.
    """

    base: Infrastructure
    validation: TokenValidation
    resources: Resources
    journal: CallJournal
    deliveries: Callable[[], AbstractAsyncContextManager[None]]
    definitions: DefinitionReporter
    refuse: Refuse


def components(
    settings: ResourceSettings, clock: Clock, metrics: ResourceMetrics | None = None
) -> Components:
    """Create every component once, each with the components it depends on."""
    base = infrastructure(settings, clock)
    # The policies come with the resources; a policy may name groups from its next version on.
    validation = token_validation(
        base, lambda: any(resource.policy.current.groups for resource in served.all), metrics
    )
    journal = call_journal(settings, clock)
    if metrics is not None:
        measure_calls(metrics, journal)
    served = resources(base, validation, journal, metrics)
    at_url = served.main or served.joined
    return Components(
        base=base,
        validation=validation,
        resources=served,
        journal=journal,
        deliveries=partial(deliveries, journal, settings),
        definitions=DefinitionReporter(
            base.authorization_server.report_definitions,
            [resource.pins for resource in served.all],
            validation.announced,
            steady_clock,
        ),
        refuse=Refuse(settings.metadata_url, at_url.policy.scopes if at_url else tuple),
    )
