"""The identities of people at providers, each connected to one account."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum

from auth_service.crypto.secrets import digest
from auth_service.protocol.federated_identity import MAX_NAME, FederatedIdentity
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

MAX_KEPT_GROUPS = 1_000


class Origin(StrEnum):
    """How an identity was connected to its account."""

    CREATED = "created"
    """The account was created for it."""
    EMAIL = "email"
    """Connected without confirmation, because the account has its e-mail address."""
    OWNER = "owner"
    """Connected by somebody who was logged in to the account."""
    UNKNOWN = ""
    """Connected by a release that did not record it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A connected identity. Times are seconds since 1970.

    Attributes:
        subject: the subject of the account.
        provider_subject: the `sub` at the provider.
        groups: the groups in the provider's last answer.
        groups_at: when it named them; unchanged by a login without groups.
        due: whether the groups should be requested from the provider again at once.
        email: the address that it verified as the person's at the last login.
        origin: an `Origin`.
        name: the person's name at the provider at the last login, for display only.
    """

    subject: str
    provider_id: str
    issuer: str
    provider_subject: str
    connected_at: int
    seen_at: int = 0
    groups: tuple[str, ...] = ()
    groups_at: int = 0
    due: bool = False
    email: str | None = None
    origin: str = Origin.UNKNOWN
    name: str = ""

    @property
    def identity_id(self) -> str:
        """Identifies the identity in pages and commands; not a secret."""
        return id_of(self.issuer, self.provider_subject)

    def is_silent_link(self, account_created_at: int) -> bool:
        """Whether nobody who was logged in to the account connected the identity to it.

        Where the origin was not recorded, an identity that is older than its account counts as created with
        it: an account is stored after the identity that it is created for.
        """
        if self.origin == Origin.UNKNOWN:
            return self.connected_at > account_created_at
        return self.origin == Origin.EMAIL

    def has_created_account(self, account_created_at: int) -> bool:
        """Whether the account was created for the identity; see `is_silent_link`."""
        if self.origin == Origin.UNKNOWN:
            return self.connected_at <= account_created_at
        return self.origin == Origin.CREATED


class IdentityRepository:
    """The identities in the store, unique by issuer and `sub`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._identities = Collection(store, keys.identity, JsonCodec(Identity), lambda _: None)

    async def get(self, issuer: str, provider_subject: str) -> Identity | None:
        """Return the identity, if it is connected to an account."""
        return await self._identities.get(_name(issuer, provider_subject))

    async def of_subject(self, subject: str) -> list[Identity]:
        """Return the identities connected to an account."""
        listed = await self._identities.get_many(
            await self._store.index_list(keys.subject_identities(subject))
        )
        # An interrupted change can leave an entry behind, and another account may have the identity since.
        return [identity for identity in listed if identity.subject == subject]

    async def connect(
        self, federated: FederatedIdentity, provider_id: str, subject: str, *, origin: Origin
    ) -> Identity:
        """Connect an identity to an account; an identity that is already connected is left unchanged."""
        now, name = int(self._clock()), _name(federated.issuer, federated.subject)
        identity = Identity(
            subject=subject,
            provider_id=provider_id,
            issuer=federated.issuer,
            provider_subject=federated.subject,
            connected_at=now,
            origin=origin,
            name=_display_name(federated),
        )
        # Indexed before it is stored: the deletion of an account must never miss an identity.
        await self._store.index_add(keys.subject_identities(subject), name, ttl_s=None)
        if await self._identities.create(name, identity):
            return identity
        kept = await self._identities.get(name)
        if kept is None or kept.subject != subject:
            await self._store.index_remove(keys.subject_identities(subject), name)
        return kept or identity

    async def restore(self, identity: Identity) -> bool:
        """Store an identity as it was elsewhere; return False if it is connected to another account."""
        name = _name(identity.issuer, identity.provider_subject)
        await self._store.index_add(keys.subject_identities(identity.subject), name, ttl_s=None)
        if await self._identities.create(name, identity):
            return True
        kept = await self._identities.get(name)
        if kept is not None and kept.subject == identity.subject:
            return True
        await self._store.index_remove(keys.subject_identities(identity.subject), name)
        return False

    async def disconnect(self, identity: Identity) -> None:
        """Disconnect one identity from its account."""
        name = _name(identity.issuer, identity.provider_subject)
        await self._store.delete(keys.upstream_credential(identity.subject, identity.provider_id))
        await self._identities.delete(name)
        await self._store.index_remove(keys.subject_identities(identity.subject), name)

    async def disconnect_all(self, subject: str) -> None:
        """Disconnect every identity of an account."""
        index = keys.subject_identities(subject)
        for name in await self._store.index_list(index):
            identity = await self._identities.get(name)
            if identity is not None and identity.subject == subject:
                await self._store.delete(keys.upstream_credential(subject, identity.provider_id))
                await self._identities.delete(name)
            await self._store.index_remove(index, name)

    async def note_login(self, federated: FederatedIdentity) -> bool:
        """Record that the person logged in, and the groups that the provider sent.

        Returns:
            whether the address or the groups are others than before.
        """
        now = int(self._clock())

        def rule(identity: Identity) -> tuple[Identity, bool]:
            name = _display_name(federated) or identity.name
            seen = replace(identity, seen_at=now, email=federated.email, name=name)
            if federated.groups is not None:  # else it did not tell, which does not mean that there are none
                seen = replace(seen, groups=federated.groups[:MAX_KEPT_GROUPS], groups_at=now, due=False)
            others = set(seen.groups) != set(identity.groups) or seen.email != identity.email
            return seen, others

        return bool(await self._identities.update(_name(federated.issuer, federated.subject), rule))

    async def note_due(self, subject: str, provider_id: str) -> None:
        """Record a change at the provider, so that the groups are requested again."""
        for identity in await self.of_subject(subject):
            if identity.provider_id == provider_id:
                name = _name(identity.issuer, identity.provider_subject)
                await self._identities.update(name, lambda stored: (replace(stored, due=True), None))

    async def note_groups(self, federated: FederatedIdentity) -> bool:
        """Record groups that the provider named without a login; return whether they changed."""
        now, groups = int(self._clock()), federated.groups
        if groups is None:
            return False

        def rule(identity: Identity) -> tuple[Identity, bool]:
            kept = groups[:MAX_KEPT_GROUPS]
            renewed = replace(identity, groups=kept, groups_at=now, due=False)
            return renewed, set(kept) != set(identity.groups)

        return bool(await self._identities.update(_name(federated.issuer, federated.subject), rule))

    async def note_owner(self, identity: Identity) -> None:
        """Record that the owner of the account, who is logged in, has connected the identity."""

        def rule(stored: Identity) -> tuple[Identity | None, None]:
            # That the account was created for it stays true.
            same = stored.subject == identity.subject and stored.origin != Origin.CREATED
            return (replace(stored, origin=Origin.OWNER) if same else None), None

        await self._identities.update(_name(identity.issuer, identity.provider_subject), rule)


def _display_name(federated: FederatedIdentity) -> str:
    return next((name for name in (*federated.names, federated.email) if name), "")[:MAX_NAME]


def id_of(issuer: str, provider_subject: str) -> str:
    """Return the id of an identity, which need not be stored."""
    return digest(_name(issuer, provider_subject))


def _name(issuer: str, provider_subject: str) -> str:
    return json.dumps([issuer, provider_subject])
