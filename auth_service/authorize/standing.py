"""The approvals and permissions of the person of a request, read in one exchange with the store."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.access.control import AccessControl
from auth_service.authorize.consents import ConsentRepository
from auth_service.clients.client_resolver import ClientResolver
from auth_service.grants.permissions import StoredRules
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.client import Client
from auth_service.protocol.client_domains import Trust
from auth_service.protocol.interaction import Approval
from auth_service.users.sessions import Session
from shared.replacing import replace

_NOT_READ = StoredRules(None)


@dataclass(frozen=True, slots=True)
class Standing:
    """The valid approvals of a person for a client, and the access rules; empty before the login."""

    approvals: tuple[Approval, ...] = ()
    rules: StoredRules = _NOT_READ


@dataclass(frozen=True, slots=True)
class Standings:
    """Reads the standing of the person in a session, and applies it to a request."""

    consents: ConsentRepository
    access: AccessControl
    client_resolver: ClientResolver

    async def of(self, session: Session | None, client: Client) -> Standing:
        """Return the standing of the person in `session`."""
        if session is None:
            return Standing()
        approvals, rules = await self.consents.approvals_with(session, client, self.access.rules_reading)
        # Earlier approvals are not valid for a domain that requires consent each time.
        asks = self.client_resolver.trust(client) is Trust.ASK
        return Standing(() if asks else approvals, rules)

    async def permitted(
        self, request: AuthorizationRequest, session: Session | None, standing: Standing
    ) -> AuthorizationRequest | None:
        """Return the request, limited to what the person in `session` may hold; None if that is nothing."""
        if session is None:
            return request
        scopes = await self.access.scopes_for(
            session.subject, request.resource, request.scopes, standing.rules
        )
        if scopes is None:
            return None
        return request if scopes == request.scopes else replace(request, scopes=scopes)
