"""The lease of a request, stored on its scope for use after the request."""

from __future__ import annotations

from starlette.types import Scope

from resource_service.introspection.leases import Lease, Leases

_KEY = "doorward.lease"


def note_lease(scope: Scope, leases: Leases, lease: Lease) -> None:
    """Store the lease on the request's scope."""
    scope[_KEY] = (leases, lease)


def lease_in(scope: Scope) -> tuple[Leases, Lease]:
    """Return the lease of a request that has passed the guard, and where to open another one like it."""
    leases: Leases
    lease: Lease
    leases, lease = scope[_KEY]
    return leases, lease
