"""GET and POST /account: the clients connected to a person's account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.consents import ConsentRepository
from auth_service.clients.repository import ClientRepository
from auth_service.federation.identities import IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.pages.descriptions.account import OPERATIONS
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.login_methods import shown_notices
from auth_service.pages.pagination import paginated
from auth_service.protocol.grant import Grant
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.resources import ResourceRegistry
from auth_service.users.factors import FactorRepository
from auth_service.users.sessions import Session
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.clock import Clock
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """Lists the clients that the person has connected; disconnects one, or logs out."""

    grants: GrantRepository
    clients: ClientRepository
    consents: ConsentRepository
    context: PageContext
    resource_registry: ResourceRegistry
    factors: FactorRepository
    clock: Clock
    identities: IdentityRepository
    providers: Sequence[IdentityProvider] = ()

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other("login")
        if request.method == "POST":
            return await self._submit(request, session)
        query = parse_parameters(request.scope["query_string"])
        return await self._show(session, query, self.context.browsers.form_token(browser))

    async def _show(self, session: Session, query: Parameters, csrf: str) -> Response:
        grants, page = paginated(await self.grants.of_subject(session.subject), query, "account")
        connections = [await self._connection(grant) for grant in grants]
        context = {
            "csrf": csrf,
            "username": session.username,
            "subject": session.subject,
            "connections": connections,
            "page": page,
            "identities": shown_identities(await self.identities.of_subject(session.subject), self.providers),
            "providers": self.providers,
            "notices": shown_notices(await self.factors.of(session.subject), int(self.clock())),
        }
        return self.context.templates.render("account.html", context)

    async def _connection(self, grant: Grant) -> dict[str, object]:
        client = await self.clients.get(grant.client_id)
        resource = self.resource_registry.by_identifier(grant.resource)
        return {
            "grant_id": grant.grant_id,
            "client_name": client.name if client else "A deleted client",
            "client_domain": client.domain if client else None,
            "resource": resource.name if resource else grant.resource or "Your account only",
            "scopes": [
                self.resource_registry.scope_description(scope, grant.resource) for scope in grant.scopes
            ],
        }

    async def _submit(self, request: Request, session: Session) -> Response:
        form, _ = await trusted_form(self.context.browsers, request)
        await self._disconnect(form.require("grant_id"), session)
        return see_other("account")

    async def _disconnect(self, grant_id: str, session: Session) -> None:
        grant = await self.grants.get(grant_id)
        if grant is None or grant.subject != session.subject:
            return
        await self.grants.revoke(grant_id, "the user disconnected the client")
        await self.consents.forget(session.subject, grant.client_id)
        _log.info("grant revoked", grant_id=grant_id, client_id=grant.client_id, by="user")

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/account",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )
