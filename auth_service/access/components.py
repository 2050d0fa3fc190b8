"""The components of access on one store, for the service and for commands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from auth_service.access.announcements import AccessChangePublisher
from auth_service.access.control import AccessControl
from auth_service.access.groups import Groups
from auth_service.access.renewal import GroupRenewal
from auth_service.access.rules import AccessRules
from auth_service.crypto.passwords import Passwords
from auth_service.federation.identities import IdentityRepository
from auth_service.protocol.access import Access, Joined
from auth_service.users.repository import UserRepository
from shared.clock import Clock
from shared.storage.interface import Store


@dataclass(frozen=True, kw_only=True)
class AccessComponents:
    """The rules, the groups, and the decision."""

    rules: AccessRules
    groups: Groups
    control: AccessControl
    changes: AccessChangePublisher

    @classmethod
    def of_store(
        cls,
        store: Store,
        clock: Clock,
        default: Access | None,
        *,
        own_scopes: Collection[str] = (),
        renewal: GroupRenewal | None = None,
        admin_resource: str | None = None,
        joined: Mapping[str, Joined] = MappingProxyType({}),
    ) -> AccessComponents:
        """Create the components.

        Args:
            default: the rules while none are stored; None for no restriction.
            joined: as in `AccessControl`.
        """
        users = UserRepository(store, Passwords(), clock)
        changes = AccessChangePublisher(store, users, clock)
        rules = AccessRules(store, changes, clock, default)
        groups = Groups(store, changes)
        control = AccessControl(
            rules=rules,
            groups=groups,
            users=users,
            identities=IdentityRepository(store, clock),
            clock=clock,
            own_scopes=own_scopes,
            renewal=renewal,
            admin_resource=admin_resource,
            joined=joined,
        )
        return cls(rules=rules, groups=groups, control=control, changes=changes)
