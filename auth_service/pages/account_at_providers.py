"""The section of the account page with the accounts that are connected at providers of upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.connected_accounts.accounts import ConnectedAccounts
from auth_service.pages.account_sections import Confirmation, Done
from auth_service.pages.resource_names import ResourceNames
from auth_service.protocol.parameters import Parameters
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from shared.texts import Text

MESSAGES = {"account_disconnected": Text("The account is disconnected.")}


@dataclass(frozen=True, kw_only=True)
class ProviderAccountsSection:
    """Lists connected accounts by resource, and disconnects one.

    Attributes:
        names: of the resources for which accounts are connected.
    """

    accounts: ConnectedAccounts
    names: ResourceNames

    actions = frozenset({"disconnect_account"})

    @property
    def messages(self) -> Mapping[str, Text]:
        """The messages after the actions, by key."""
        return MESSAGES

    async def context(self, session: Session, query: Parameters) -> dict[str, Any]:
        listed = await self.accounts.credentials.records.of_subject(session.subject)
        return {
            "provider_accounts": [
                {
                    "provider": account.provider,
                    "resource": account.resource,
                    "name": self.names.of(account.resource),
                    "also": self.names.of_joining(account.resource),
                    "since": day(account.connected_at),
                }
                for account in listed
            ]
        }

    async def confirmation(self, session: Session, query: Parameters) -> Confirmation | None:
        resource = query.get("at") or ""
        account = await self.accounts.credentials.records.get(session.subject, resource)
        if account is None:
            return None
        return Confirmation(
            title=Text("Disconnect %(provider)s?", provider=account.provider),
            about=Text(
                "%(application)s → %(resource)s",
                application=account.provider,
                resource=self.names.of(resource),
            ),
            effect=Text("Your applications can no longer use this account. You can connect it again."),
            button=Text("Disconnect"),
            fields={"action": "disconnect_account", "at": resource},
        )

    async def act(self, session: Session, form: Parameters) -> Done:
        resource = form.require("at")
        await self.accounts.disconnect(session.subject, resource, session=session.session_id)
        return Done(message="account_disconnected")
