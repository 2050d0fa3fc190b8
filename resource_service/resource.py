"""One resource of this service: an MCP server behind the guard, with its metadata."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import ASGIApp

from resource_service.auth.authentication import Authenticate
from resource_service.auth.dpop.check import DpopValidator
from resource_service.call_approvals.answers import Approval
from resource_service.call_approvals.client import ApprovalQuestion
from resource_service.connected_accounts.accounts import ConnectedAccounts
from resource_service.errors import Refuse
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.introspection.client import Introspect
from resource_service.introspection.leases import Leases
from resource_service.journal.call_journal import CallJournal
from resource_service.journal.pin_events import pin_events
from resource_service.journal.recorder import CallRecorder
from resource_service.limits.counting import CallCounting
from resource_service.limits.keeper import LimitKeeper
from resource_service.middleware.account_gate import AccountGate
from resource_service.middleware.approval_gate import ApprovalGate
from resource_service.middleware.guard import Guard
from resource_service.middleware.pinned import PinnedDefinitions
from resource_service.middleware.server_lists import ServerLists
from resource_service.middleware.tool_schemas import ToolSchemas
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.lock_file import lock_path
from resource_service.pins.reporter import AnnouncedApprovals
from resource_service.pins.shared_pins import SharedPins
from resource_service.policy.pinning import Pinning
from resource_service.policy.watcher import PolicyWatcher
from resource_service.routes.metadata import SLASHES, metadata_routes
from resource_service.settings import ResourceSettings
from resource_service.stops.stopped_list import StoppedList
from resource_service.storage.first_values import FirstValues
from resource_service.storage.shared_store import SharedStore
from resource_service.tasks.binding import TaskBinding
from resource_service.tasks.ids import TaskIds
from shared.clock import Clock, steady_clock

Run = Callable[[], AbstractAsyncContextManager[object]]
"""Returns a context in which something runs; it is entered once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An MCP server behind the guard, with its scope policy.

    Attributes:
        app: the ASGI app for requests that have passed the guard.
        run: the context that `app` must run in.
    """

    app: ASGIApp
    policy: PolicyWatcher
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenValidation:
    """The validation of tokens and proofs, the same for all resources of a service.

    Attributes:
        run: the context that `introspect` must run in.
        stopped: what the operator has stopped.
        ask_approval: asks whether a call is approved.
        accounts: the connected accounts of people; None if no upstream gets their credentials.
        announced: says when administrators have approved definitions.
    """

    introspect: Introspect
    run: Run
    stopped: StoppedList
    dpop_validator: DpopValidator
    leases: Leases
    clock: Clock
    ask_approval: Callable[[ApprovalQuestion], Awaitable[Approval | None]]
    accounts: ConnectedAccounts | None = None
    announced: AnnouncedApprovals = field(default_factory=AnnouncedApprovals)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """A resource: its MCP server is reached through `guard` only.

    Attributes:
        settings: the settings of this resource; those of a mount are those of a separate resource.
        authenticate: determines the principal of a request; the audience is this resource.
    """

    settings: ResourceSettings
    backend: Backend
    authenticate: Authenticate
    guard: Guard

    @property
    def path(self) -> str:
        """The path under which the app serves it."""
        return self.settings.mcp_path or "/"

    @property
    def pins(self) -> PinKeeper:
        """The approved definitions of its MCP server."""
        return self.guard.pinned.keeper

    @property
    def policy(self) -> PolicyWatcher:
        """The scopes and what they allow."""
        return self.backend.policy

    def endpoint(self) -> list[Route]:
        """Return the MCP endpoint with and without a trailing slash; each challenge uses its spelling."""
        guards = {
            f"{self.settings.mcp_path}{slash}" or "/": replace(
                self.guard, refuse=Refuse(self.settings.spelled(slash).metadata_url, self.policy.scopes)
            )
            for slash in SLASHES
        }
        return [Route(path, guard) for path, guard in guards.items()]

    def metadata(self, *, at_root: bool) -> APIRouter:
        """Return the metadata routes; see `metadata_routes`."""
        return metadata_routes(self.settings, self.policy, at_root=at_root)


def protected_resource(
    settings: ResourceSettings,
    backend: Backend,
    validation: TokenValidation,
    journal: CallJournal,
    *,
    counting: CallCounting,
    store: SharedStore | None,
) -> ProtectedResource:
    """Put the guard of the resource that `settings` describe in front of `backend`.

    Args:
        store: what all processes of this service share.
    """
    authenticate = authenticate_at(settings, validation)
    lists = ServerLists(backend.app, steady_clock)
    pins = _pin_keeper(settings, backend.policy, journal, store)
    guard = Guard(
        app=backend.app,
        authenticate=authenticate,
        policy=backend.policy,
        refuse=Refuse(settings.metadata_url, backend.policy.scopes),
        leases=validation.leases,
        schemas=ToolSchemas(lists),
        pinned=PinnedDefinitions(pins, lists, _pinning(settings)),
        max_body_bytes=settings.max_body_bytes,
        resource=settings.resource,
        calls=CallRecorder(journal, settings.resource, settings.mcp_path or "/", hash_key(settings)),
        clock=validation.clock,
        stopped=validation.stopped,
        limits=LimitKeeper(
            resource=settings.resource,
            counts=counting.counts,
            slots=counting.slots,
            clock=validation.clock,
        ),
        tasks=TaskBinding(
            TaskIds.from_secret(settings.resource, settings.resource_secret.get_secret_value())
        ),
        approvals=ApprovalGate(
            ask=validation.ask_approval,
            mount=settings.mcp_path or "/",
            policy=backend.policy,
            clock=validation.clock,
            waiting=ConcurrencyLimit(
                settings.upstream_connections_per_principal,
                limit="DOORWARD_UPSTREAM_CONNECTIONS_PER_PRINCIPAL",
            ),
            max_body_bytes=settings.max_body_bytes,
            hints_of=pins.hints_of,
        ),
        account=_account_gate(settings, backend, validation.accounts),
    )
    return ProtectedResource(settings=settings, backend=backend, authenticate=authenticate, guard=guard)


def authenticate_at(settings: ResourceSettings, validation: TokenValidation) -> Authenticate:
    """Return what determines the principals of requests to the resource of `settings`."""
    return Authenticate(
        introspect=validation.introspect,
        dpop_validator=validation.dpop_validator,
        resource=settings.resource,
        issuer=settings.issuer,
        clock=validation.clock,
    )


def _pin_keeper(
    settings: ResourceSettings, policy: PolicyWatcher, journal: CallJournal, store: SharedStore | None
) -> PinKeeper:
    note = pin_events(journal, settings.resource, settings.mcp_path or "/")
    lock = None if policy.path is None else lock_path(policy.path)
    if store is None:
        return PinKeeper(settings.resource, lock, None, note)
    values = FirstValues(store, settings.resource_server_id)
    shared = SharedPins(settings.resource, values.agree, steady_clock)
    return PinKeeper(settings.resource, lock, shared, note)


def _pinning(settings: ResourceSettings) -> Pinning:
    """Return how definitions are approved if the policy does not say; tools of our own are not pinned."""
    return Pinning.OFF if settings.serves_notes else settings.pin


def _account_gate(
    settings: ResourceSettings, backend: Backend, accounts: ConnectedAccounts | None
) -> AccountGate | None:
    if accounts is None or not settings.upstream_connected_account:
        return None
    return AccountGate(
        accounts=accounts,
        app=backend.app,
        resource=settings.resource,
        name=settings.resource_name,
        waiting=ConcurrencyLimit(
            settings.upstream_connections_per_principal,
            limit="DOORWARD_UPSTREAM_CONNECTIONS_PER_PRINCIPAL",
        ),
    )


def hash_key(settings: ResourceSettings) -> bytes:
    """Return the key for arguments of which the journal keeps only a digest."""
    secret = settings.resource_secret.get_secret_value().encode()
    return hmac.digest(secret, b"doorward journal arguments", "sha256")
