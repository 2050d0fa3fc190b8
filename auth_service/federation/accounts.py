"""From an identity that was verified to the account that it logs in to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auth_service.crypto.secrets import digest, new_id
from auth_service.federation.errors import IdentityRefusedError
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.protocol.federated_accounts import EmailOwner, Refusal, Step, admission, decide
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
    """Finds, makes and connects accounts as the rules say."""

    users: UserRepository
    identities: IdentityRepository

    async def account_of(self, found: FederatedIdentity, provider: IdentityProvider) -> tuple[User, How]:
        """The account of a person who logs in.

        Raises:
            IdentityRefusedError: there is none for them.
        """
        known = await self.identities.get(found.issuer, found.subject)
        owner = None if known else await self._owner(found)
        facts = await self._facts(owner) if owner else None
        decision = decide(found, provider, known=known is not None, owner=facts)
        if decision.refusal is not None:
            raise IdentityRefusedError(decision.refusal)
        how = How.KNOWN if known else How.CREATED
        if known is None:
            linked = decision.step is Step.LINK and owner
            how = How.LINKED if linked else How.CREATED
            subject = owner.subject if owner and linked else new_id()
            known = await self.identities.connect(found, provider.provider_id, subject)
        user = await self._account(known, found)
        await self.identities.note_login(found)
        return user, how

    async def connect(self, found: FederatedIdentity, provider: IdentityProvider, subject: str) -> User:
        """Connect an identity to the account of the person who logged in to that before.

        Raises:
            IdentityRefusedError: the provider's allow list does not name it, or another account has it.
        """
        refusal = admission(found, provider)
        if refusal is not None:
            raise IdentityRefusedError(refusal)
        user = await self.users.by_subject(subject)
        if user is None:
            raise IdentityRefusedError(Refusal.TAKEN)
        identity = await self.identities.connect(found, provider.provider_id, subject)
        if identity.subject != subject:
            raise IdentityRefusedError(Refusal.TAKEN)
        await self.identities.note_login(found)
        return user

    async def _owner(self, found: FederatedIdentity) -> User | None:
        return await self.users.by_email(found.email) if found.email else None

    async def _facts(self, owner: User) -> EmailOwner:
        issuers = {identity.issuer for identity in await self.identities.of_subject(owner.subject)}
        return EmailOwner(owner.subject, owner.admin, frozenset(issuers))

    async def _account(self, identity: Identity, found: FederatedIdentity) -> User:
        """The account of a connected identity, which is made where nobody has come as far as that."""
        user = await self.users.by_subject(identity.subject)
        if user is not None:
            return user
        tag = digest(f"{identity.issuer} {identity.provider_subject}")[:_TAG_LENGTH]
        for username in username_candidates(found, identity.provider_id, tag):
            user = await self.users.add_federated(
                identity.subject, username, name=found.name, email=found.email
            )
            if user is not None:
                return user
        raise IdentityRefusedError(Refusal.NO_NAME)
