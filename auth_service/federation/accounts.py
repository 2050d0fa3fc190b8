"""Finds the account of a verified identity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from auth_service.crypto.secrets import digest, new_id
from auth_service.federation.credentials import UpstreamCredentials
from auth_service.federation.errors import IdentityRefusedError
from auth_service.federation.identities import Identity, IdentityRepository, Origin, id_of
from auth_service.journal.account_events import NO_ACCOUNT_EVENTS, AccountAction, AccountEvents
from auth_service.protocol.federated_accounts import EmailOwner, Refusal, Step, allow_list_refusal, decide
from auth_service.protocol.federated_identity import FederatedIdentity, username_candidates
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import User, UserRepository

_TAG_LENGTH = 8


class How(Enum):
    """How an identity got its account; the value is for the log."""

    KNOWN = "known"
    CREATED = "created"
    LINKED = "linked by e-mail"
    CONNECTED = "connected by its owner"


@dataclass(frozen=True, kw_only=True)
class FederatedAccounts:
    """Finds, creates and connects accounts according to the rules.

    Attributes:
        access_changed: announces that the person with that subject may hold something else than before.
    """

    users: UserRepository
    identities: IdentityRepository
    credentials: UpstreamCredentials | None = None
    access_changed: Callable[[str], Awaitable[None]] | None = None
    factors: FactorRepository | None = None
    events: AccountEvents = NO_ACCOUNT_EVENTS

    async def account_of(self, federated: FederatedIdentity, provider: IdentityProvider) -> tuple[User, How]:
        """Return the account of a person who logs in.

        Raises:
            IdentityRefusedError: the person has no account and does not get one.
        """
        identity = await self.identities.get(federated.issuer, federated.subject)
        owner = None if identity else await self._owner(federated)
        facts = await self._facts(owner) if owner else None
        decision = decide(federated, provider, has_account=identity is not None, owner=facts)
        if decision.refusal is not None:
            raise IdentityRefusedError(decision.refusal)
        if identity is not None:
            await self._refuse_silent_link(identity)
        how = How.KNOWN
        if identity is None and owner and decision.step is Step.LINK:
            how = How.LINKED
            identity = await self._linked(federated, provider, owner.subject, Origin.EMAIL)
        elif identity is None:
            how = How.CREATED
            identity = await self._connected(federated, provider, new_id(), Origin.CREATED)
        user = await self._account(identity, federated, provider)
        if user is None:
            return await self.account_of(federated, provider)
        await self._note_login(federated, provider, user)
        return user, how

    async def connect(self, federated: FederatedIdentity, provider: IdentityProvider, subject: str) -> User:
        """Connect an identity to the account to which the person has already logged in.

        Raises:
            IdentityRefusedError: the provider's allow list does not include it, or another account has it.
        """
        refusal = allow_list_refusal(federated, provider)
        if refusal is not None:
            raise IdentityRefusedError(refusal)
        identity = await self.identities.get(federated.issuer, federated.subject)
        if identity is None:
            identity = await self._linked(federated, provider, subject, Origin.OWNER)
        user = await self.users.by_subject(subject)
        if user is None or identity.subject != subject:
            raise IdentityRefusedError(Refusal.TAKEN)
        await self.identities.note_owner(identity)
        await self._note_login(federated, provider, user)
        return user

    async def _note_login(self, federated: FederatedIdentity, provider: IdentityProvider, user: User) -> None:
        changed = await self.identities.note_login(federated)
        if changed and self.access_changed is not None:
            await self.access_changed(user.subject)
        if federated.credential is not None and self.credentials is not None:
            await self.credentials.save(user.subject, provider.provider_id, federated.credential)

    async def is_connected(self, federated: FederatedIdentity, user: User) -> bool:
        """Whether an identity is connected to an account at this moment."""
        identity = await self.identities.get(federated.issuer, federated.subject)
        return identity is not None and identity.subject == user.subject

    async def _linked(
        self, federated: FederatedIdentity, provider: IdentityProvider, subject: str, origin: Origin
    ) -> Identity:
        """Connect an identity to an existing account.

        Raises:
            IdentityRefusedError: the account is disabled, or was deleted in the meantime.
        """
        if not await self._may_connect(subject):
            raise IdentityRefusedError(Refusal.LOG_IN_FIRST)
        identity = await self._connected(federated, provider, subject, origin)
        if identity.subject != subject:
            return identity  # a concurrent login connected it to another account
        # Again after the identity is stored: a deletion disables the account before it disconnects the
        # identities. An identity that it missed would restore the account under the same subject.
        if not await self._may_connect(subject):
            await self.identities.disconnect(identity)
            await self._note(AccountAction.IDENTITY_DISCONNECTED, federated, provider, subject)
            raise IdentityRefusedError(Refusal.LOG_IN_FIRST)
        if self.factors is not None:
            await self.factors.note(subject, f"{identity.name} at {provider.label} was connected")
        return identity

    async def _connected(
        self, federated: FederatedIdentity, provider: IdentityProvider, subject: str, origin: Origin
    ) -> Identity:
        """Connect an identity to an account; return it as it is connected, perhaps to another account."""
        await self._note(AccountAction.IDENTITY_CONNECTED, federated, provider, subject, how=origin.value)
        identity = await self.identities.connect(federated, provider.provider_id, subject, origin=origin)
        if identity.subject != subject:
            await self._note(AccountAction.IDENTITY_DISCONNECTED, federated, provider, subject)
        return identity

    async def _may_connect(self, subject: str) -> bool:
        user = await self.users.by_subject(subject)
        return user is not None and not user.disabled

    async def _note(
        self,
        action: AccountAction,
        federated: FederatedIdentity,
        provider: IdentityProvider,
        subject: str,
        **about: str,
    ) -> None:
        identity = id_of(federated.issuer, federated.subject)
        await self.events.record(action, subject, identity=identity, provider=provider.provider_id, **about)

    async def _refuse_silent_link(self, identity: Identity) -> None:
        """Refuse a login of an administrator through a link that the administrator did not make.

        A promotion ends such links; this check is for a link that was made concurrently, or before promotions
        did that. The administrator can connect the identity after a login with the password.

        Raises:
            IdentityRefusedError: the account is an administrator's.
        """
        user = await self.users.by_subject(identity.subject)
        if user is not None and user.admin and identity.is_silent_link(user.created_at):
            raise IdentityRefusedError(Refusal.LOG_IN_FIRST)

    async def _owner(self, federated: FederatedIdentity) -> User | None:
        return await self.users.by_email(federated.email) if federated.email else None

    async def _facts(self, owner: User) -> EmailOwner:
        issuers = {identity.issuer for identity in await self.identities.of_subject(owner.subject)}
        return EmailOwner(owner.subject, owner.admin, frozenset(issuers), accepts_links=owner.accepts_links)

    async def _account(
        self, identity: Identity, federated: FederatedIdentity, provider: IdentityProvider
    ) -> User | None:
        """Return the account of a connected identity; create it if an earlier login was interrupted.

        Returns:
            None if the account was deleted in the meantime; its subject must not be used again.
        """
        user = await self.users.by_subject(identity.subject)
        if user is not None:
            return user
        # A deletion disconnects the identities before it deletes the account.
        connected = await self.identities.get(identity.issuer, identity.provider_subject)
        if connected is None or connected.subject != identity.subject:
            return None
        # Another provider may link people by this address. A provider that may not link must not decide whose
        # it is: it could create an account to which somebody is then linked.
        email = federated.email if provider.links_email else None
        tag = digest(f"{identity.issuer} {identity.provider_subject}")[:_TAG_LENGTH]
        for username in username_candidates(federated, identity.provider_id, tag):
            user = await self.users.add_federated(
                identity.subject, username, name=federated.name, email=email
            )
            if user is not None:
                return user
        raise IdentityRefusedError(Refusal.NO_NAME)
