"""Finds the account of a verified identity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auth_service.crypto.secrets import digest, new_id
from auth_service.federation.errors import IdentityRefusedError
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.protocol.federated_accounts import EmailOwner, Refusal, Step, allow_list_refusal, decide
from auth_service.protocol.federated_identity import FederatedIdentity, username_candidates
from auth_service.protocol.identity_providers import IdentityProvider
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
    """Finds, creates and connects accounts according to the rules."""

    users: UserRepository
    identities: IdentityRepository

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
        how = How.KNOWN if identity else How.CREATED
        if identity is None:
            linked = decision.step is Step.LINK and owner
            how = How.LINKED if linked else How.CREATED
            subject = owner.subject if owner and linked else new_id()
            identity = await self.identities.connect(federated, provider.provider_id, subject)
        user = await self._account(identity, federated)
        await self.identities.note_login(federated)
        return user, how

    async def connect(self, federated: FederatedIdentity, provider: IdentityProvider, subject: str) -> User:
        """Connect an identity to the account to which the person has already logged in.

        Raises:
            IdentityRefusedError: the provider's allow list does not include it, or another account has it.
        """
        refusal = allow_list_refusal(federated, provider)
        if refusal is not None:
            raise IdentityRefusedError(refusal)
        user = await self.users.by_subject(subject)
        if user is None:
            raise IdentityRefusedError(Refusal.TAKEN)
        identity = await self.identities.connect(federated, provider.provider_id, subject)
        if identity.subject != subject:
            raise IdentityRefusedError(Refusal.TAKEN)
        await self.identities.note_login(federated)
        return user

    async def _owner(self, federated: FederatedIdentity) -> User | None:
        return await self.users.by_email(federated.email) if federated.email else None

    async def _facts(self, owner: User) -> EmailOwner:
        issuers = {identity.issuer for identity in await self.identities.of_subject(owner.subject)}
        return EmailOwner(owner.subject, owner.admin, frozenset(issuers))

    async def _account(self, identity: Identity, federated: FederatedIdentity) -> User:
        """Return the account of a connected identity; create it if an earlier login was interrupted."""
        user = await self.users.by_subject(identity.subject)
        if user is not None:
            return user
        tag = digest(f"{identity.issuer} {identity.provider_subject}")[:_TAG_LENGTH]
        for username in username_candidates(federated, identity.provider_id, tag):
            user = await self.users.add_federated(
                identity.subject, username, name=federated.name, email=federated.email
            )
            if user is not None:
                return user
        raise IdentityRefusedError(Refusal.NO_NAME)
