"""Decides what a person may hold now, by the rules and the facts about the person."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from auth_service.access.groups import Groups
from auth_service.access.renewal import GroupRenewal
from auth_service.access.rules import AccessRules
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.grants.permissions import Narrow, StoredRules
from auth_service.protocol.access import (
    ADMINISTRATORS,
    OPEN,
    Access,
    Held,
    Joined,
    PersonFacts,
    narrowed_grant,
)
from auth_service.protocol.admin_access import SCOPE
from auth_service.protocol.grant import Grant
from auth_service.protocol.jwt_bearer import WORKLOAD_PREFIX
from auth_service.users.repository import User, UserRepository
from shared.clock import Clock
from shared.replacing import replace
from shared.storage.readings import Reading
from shared.uris import resource_key

GROUPS_HOLD_S = 86_400
"""How long the groups that a provider named count if it cannot be reached again, in seconds."""


class AccessControl:
    """Decides about people and grants. Each decision reads the current rules and facts from the store.

    Args:
        own_scopes: the scopes of the authorization server itself.
        renewal: requests groups from identity providers; None for a program that serves no refreshes.
        admin_resource: the admin API, for administrators whatever the rules say; None for a program without.
        joined: maps resources that join mounts, by `resource_key`, to these mounts.
    """

    def __init__(
        self,
        *,
        rules: AccessRules,
        groups: Groups,
        users: UserRepository,
        identities: IdentityRepository,
        clock: Clock,
        own_scopes: Collection[str] = (),
        renewal: GroupRenewal | None = None,
        admin_resource: str | None = None,
        joined: Mapping[str, Joined] = MappingProxyType({}),
    ) -> None:
        self._rules = rules
        self._groups = groups
        self._users = users
        self._identities = identities
        self._clock = clock
        self._own_scopes = own_scopes
        self._renewal = renewal
        self._admin_resource = admin_resource
        self._joined = joined

    @property
    def rules_key(self) -> str:
        """The key of the access rules in the store, to read them together with a grant."""
        return self._rules.key

    @property
    def rules_reading(self) -> Reading[StoredRules]:
        """How to read the access rules together with other documents."""
        return Reading((self.rules_key,), StoredRules)

    def is_unrestricted(self, grant: Grant, rules: StoredRules) -> bool:
        """Check whether `permitted` returns the grant as it is, without reading anything."""
        if _acts_for_nobody(grant):
            return True
        return grant.resource != self._admin_resource and self._rules.current(rules.value).access is None

    async def permitted(self, grant: Grant, rules: StoredRules | None = None) -> Grant | None:
        """Return the grant, limited to what its person may hold now; None if nothing remains.

        A client that acts for itself, and a workload, are not people: access rules do not concern them.

        Args:
            rules: as they were read together with the grant; None to read them.
        """
        narrow = await self.narrowing(grant, rules)
        return narrow(grant)

    async def narrowing(self, grant: Grant, rules: StoredRules | None = None) -> Narrow:
        """Return the decision of `permitted` as a pure function, for any later state of the grant."""
        if _acts_for_nobody(grant) or grant.subject is None or grant.resource is None:
            return lambda later: later
        access = await self._access(rules)
        held = await self._held_by(access, grant.subject, grant.resource, grant.assertion_issuer)
        return lambda later: later if held is OPEN else narrowed_grant(later, held, self._own_scopes)

    async def renew(self, grant: Grant) -> bool:
        """Renew the groups from the person's identity provider, if that is due; see `Permissions.renew`."""
        if self._renewal is None or grant.subject is None or grant.assertion_issuer is not None:
            return False
        return await self._renewal.renew(grant.subject)

    async def scopes_for(
        self, subject: str, resource: str | None, scopes: Iterable[str], rules: StoredRules | None = None
    ) -> tuple[str, ...] | None:
        """Return the `scopes` that a person may hold at `resource`; None if nothing of it remains.

        Args:
            rules: as they were read for this request; None to read them.
        """
        if resource is None:
            return tuple(scopes)
        held = await self._held_by(await self._access(rules), subject, resource, None)
        if held is OPEN:
            return tuple(scopes)
        return held.narrowed(scopes, self._own_scopes)

    async def held(self, subject: str, resource: str, *, assertion_issuer: str | None = None) -> Held:
        """Return what a person may hold at `resource`, and by which rules."""
        return await self._held_by((await self._rules.load()).access, subject, resource, assertion_issuer)

    async def _access(self, rules: StoredRules | None) -> Access | None:
        return (self._rules.current(rules.value) if rules else await self._rules.load()).access

    async def _held_by(
        self, access: Access | None, subject: str, resource: str, assertion_issuer: str | None
    ) -> Held:
        if resource == self._admin_resource:
            return await self._held_by_administrator(subject, assertion_issuer)
        if access is None:
            return OPEN
        facts = await self._facts(subject, assertion_issuer)
        if facts is None:
            return Held()
        return access.held(facts, resource, self._joined.get(resource_key(resource), {}))

    async def _held_by_administrator(self, subject: str, assertion_issuer: str | None) -> Held:
        user = None if assertion_issuer else await self._users.by_subject(subject)
        if user is None or user.disabled or not user.admin:
            return Held()
        return Held(frozenset({SCOPE}), ("administrators may administer this server",))

    async def held_by_username(self, username: str, resource: str) -> Held | None:
        """Return what the account with that username may hold at `resource`; None if it does not exist."""
        user = await self._users.get(username)
        return None if user is None else await self.held(user.subject, resource)

    async def contact(self) -> str | None:
        """Return the contact whom people ask for access."""
        access = (await self._rules.load()).access
        return access.contact if access else None

    async def is_open(self) -> bool:
        """Whether no rules exist, so that everything is open to everybody."""
        return (await self._rules.load()).access is None

    async def groups_for(self, grant: Grant) -> tuple[str, ...]:
        """Return the person's groups that the rules for the resource of the grant name."""
        access: Access | None = (await self._rules.load()).access
        if access is None or grant.subject is None or grant.resource is None:
            return ()
        named = access.groups_named(grant.resource)
        facts = await self._facts(grant.subject, grant.assertion_issuer) if named else None
        return tuple(sorted(facts.groups & named)) if facts else ()

    async def groups_of(self, subject: str) -> tuple[str, ...]:
        """Return all groups of a person, named as in the rules."""
        facts = await self._facts(subject, None)
        return tuple(sorted(facts.groups)) if facts else ()

    async def _facts(self, subject: str, assertion_issuer: str | None) -> PersonFacts | None:
        if assertion_issuer is not None:
            return PersonFacts(subject=subject, assertion_issuer=assertion_issuer)
        user, identities = await asyncio.gather(
            self._users.by_subject(subject), self._identities.of_subject(subject)
        )
        if user is None:
            return None
        facts = self._without_local_groups(user, identities)
        local = await self._groups.of(facts.names)
        return replace(facts, groups=facts.groups | local)

    def _without_local_groups(self, user: User, identities: Collection[Identity]) -> PersonFacts:
        groups = {ADMINISTRATORS} if user.admin else set()
        emails, now = set(), self._clock()
        for identity in identities:
            if identity.email is not None:
                emails.add(f"{identity.provider_id}:{identity.email}")
            if now < identity.groups_at + GROUPS_HOLD_S:
                groups |= {f"{identity.provider_id}:{group}" for group in identity.groups}
        return PersonFacts(
            subject=user.subject,
            username=_username(user, identities),
            email=user.email,
            provider_emails=frozenset(emails),
            groups=frozenset(groups),
        )


def _acts_for_nobody(grant: Grant) -> bool:
    """Whether a grant is for no resource, or its client acts for itself or is a workload."""
    return grant.subject is None or grant.resource is None or grant.client_id.startswith(WORKLOAD_PREFIX)


def _username(user: User, identities: Iterable[Identity]) -> str | None:
    """Return the username, unless a provider suggested it: somebody may have chosen it there for a rule."""
    return None if user.username == suggested_username(user, identities) else user.username


def suggested_username(user: User, identities: Iterable[Identity]) -> str:
    """Return the username that a provider suggested for the account; empty if the operator chose it."""
    if user.provider_username is not None:
        return user.provider_username
    # An account from before that was recorded. The operator gives every account a password or an invitation.
    local = user.password_hash or user.invited
    created = any(identity.has_created_account(user.created_at) for identity in identities)
    return "" if local and not created else user.username
