"""Grants for resources that join mounts: one mount ends and leaves the others (GW-3)."""

from __future__ import annotations

from collections.abc import Collection

from auth_service.protocol.access import Joined
from auth_service.protocol.grant import Grant, revoked
from auth_service.protocol.narrowed_grants import with_scopes
from auth_service.protocol.resources import ProtectedResource, mounts_at


def without_mount(
    grant: Grant, resource: ProtectedResource, mount: str, reason: str
) -> tuple[Grant | None, bool]:
    """Remove a joined mount from a grant; return whether the grant was for it until now.

    A grant that is for no other mount ends: scopes of the authorization server itself give no access to a
    resource.

    Args:
        resource: the resource of the grant.
        reason: why the grant ends, if it does.
    """
    kept = [scope for scope in grant.scopes if resource.mount_of(scope) != mount]
    if grant.state == "revoked" or len(kept) == len(grant.scopes):
        return None, False
    if not any(resource.mount_of(scope) or scope in resource.scopes for scope in kept):
        return revoked(grant, reason), True
    return with_scopes(grant, kept), True


def is_exchangeable_for(held: Collection[str], target: str, joined: Joined) -> bool:
    """Check whether a grant derived from a token with the scopes `held` (RFC 8693) may be for `target`.

    The own resource of a joined mount needs a scope about that mount, because a token for it may need none.

    Args:
        joined: the mounts that the resource of the token joins.
    """
    mounts = mounts_at(target, joined)
    return not mounts or is_about(held, mounts)


def is_about(scopes: Collection[str], mounts: Collection[str]) -> bool:
    """Check whether a scope of a joined resource is about one of these mounts."""
    return any(scope.partition(":")[0] in mounts for scope in scopes)
