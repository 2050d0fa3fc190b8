"""/admin/api/people/{subject}/provider-accounts: the accounts that a person has connected at providers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.administration.provider_accounts import ProviderAccountAdministration, account_id
from auth_service.connected_accounts.records import ConnectedAccount
from auth_service.endpoints.admin_api.descriptions import provider_accounts as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import not_there, page, person_of
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.users.repository import UserRepository
from auth_service.web.route import Endpoint


@dataclass(frozen=True, kw_only=True)
class ProviderAccountsApi:
    """Lists and disconnects the accounts of a person at providers."""

    users: UserRepository
    administration: ProviderAccountAdministration

    async def browse(self, admin: AdminRequest) -> Response:
        """Return the connected accounts, oldest first."""
        listed = await self.administration.of(await person_of(self.users, admin))
        some, after = listing(listed, lambda each: (each.connected_at, account_id(each)), admin.query)
        return page("provider_accounts", [_account(each) for each in some], after)

    async def disconnect(self, admin: AdminRequest) -> Response:
        """Disconnect one account."""
        user = await person_of(self.users, admin)
        if not await self.administration.disconnect(admin.actor, user, admin.path("account_id")):
            raise not_there("account")
        return Response(status_code=204)

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints. To disconnect needs no login of the last minutes: it only takes away."""
        accounts = "/people/{subject}/provider-accounts"
        return [
            routing.endpoint(
                accounts, {"GET": AdminOperation(perform=self.browse, description=descriptions.LIST)}
            ),
            routing.endpoint(
                f"{accounts}/{{account_id}}",
                {"DELETE": AdminOperation(perform=self.disconnect, description=descriptions.DISCONNECT)},
            ),
        ]


def _account(account: ConnectedAccount) -> dict[str, Any]:
    return {
        "account_id": account_id(account),
        "resource": account.resource,
        "provider": account.provider,
        "api_key": account.is_api_key,
        "client_id": account.client_id,
        "connected_at": account.connected_at,
        "renewed_at": account.replaced_at,
    }
