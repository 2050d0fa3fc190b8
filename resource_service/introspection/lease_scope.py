"""The lease of a request, noted on its scope for what outlives the request."""

from __future__ import annotations

from starlette.types import Scope

from resource_service.introspection.leases import Lease, Leases

_KEY = "doorward.lease"


def note_lease(scope: Scope, leases: Leases, lease: Lease) -> None:
    """Note on the request what it is served by."""
    scope[_KEY] = (leases, lease)


def lease_in(scope: Scope) -> tuple[Leases, Lease]:
    """What a request that has passed the guard is served by, and where to hold another lease like it."""
    leases: Leases
    lease: Lease
    leases, lease = scope[_KEY]
    return leases, lease
