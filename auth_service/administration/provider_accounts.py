"""The accounts at providers that administrators disconnect for a person (GW-1)."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.administration.actors import Actor
from auth_service.connected_accounts.accounts import ConnectedAccounts
from auth_service.connected_accounts.records import ConnectedAccount
from auth_service.crypto.secrets import digest
from auth_service.users.repository import User


@dataclass(frozen=True, kw_only=True)
class ProviderAccountAdministration:
    """The operations on the connected accounts of a person. Each is safe to repeat."""

    accounts: ConnectedAccounts

    async def of(self, user: User) -> list[ConnectedAccount]:
        """Return the connected accounts of a person, without their credentials in the clear."""
        return await self.accounts.credentials.records.of_subject(user.subject)

    async def disconnect(self, actor: Actor, user: User, wanted: str) -> bool:
        """Disconnect the account with an id (`account_id`); return whether there was one.

        Resource servers stop using it within a second, and its tokens are revoked at the provider.
        """
        listed = await self.of(user)
        account = next((each for each in listed if account_id(each) == wanted), None)
        if account is None:
            return False
        actor.audit(
            "account at a provider disconnected",
            user=user.username,
            user_subject=user.subject,
            resource=account.resource,
        )
        return await self.accounts.disconnect(user.subject, account.resource)


def account_id(account: ConnectedAccount) -> str:
    """Return the name of a connected account in URLs and forms: that of its resource."""
    return digest(account.resource)
