"""Issues an authorization code after the decision on the consent page."""

from __future__ import annotations

import asyncio

from auth_service.crypto.handles import new_grant_id
from auth_service.grants.grant_factory import GrantFactory
from auth_service.grants.permissions import StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_issuer import TokenIssuer
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.claims_request import ACR_PASSWORD
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError, InvalidGrantError
from auth_service.protocol.grant import Lifetimes
from auth_service.protocol.interaction import Outcome
from auth_service.protocol.second_factor import acr_to_issue
from auth_service.users.sessions import Session
from shared.clock import Clock
from shared.traces.current import to_store

_LOOKS = 40
_LOOK_EVERY_S = 0.05

FAPI_CODE_S = 60
"""The maximum lifetime of a code (FAPI 2.0 Security Profile §5.3.2.1)."""


class AuthorizationCodeIssuer:
    """Opens grants that wait for their code."""

    def __init__(
        self,
        *,
        grant_factory: GrantFactory,
        grants: GrantRepository,
        token_issuer: TokenIssuer,
        lifetimes: Lifetimes,
        clock: Clock,
    ) -> None:
        self._grant_factory = grant_factory
        self._grants = grants
        self._token_issuer = token_issuer
        self._lifetimes = lifetimes
        self._clock = clock

    def outcome(self, client: Client) -> Outcome:
        """Choose the id of the grant and the expiry of the code for a request."""
        return Outcome(grant_id=new_grant_id(), code_expires_at=int(self._clock()) + self._code_s(client))

    async def again(self, outcome: Outcome) -> str | None:
        """Return the code issued earlier for the same request; None if none was issued.

        The first response may still be on its way: the two requests of a double click arrive together.
        """
        for _ in range(_LOOKS):
            grant = await self._grants.get(outcome.grant_id or "")
            if grant is not None:
                return self._token_issuer.authorization_code(grant, outcome.code_expires_at)
            await asyncio.sleep(_LOOK_EVERY_S)
        return None

    async def issue(
        self,
        outcome: Outcome,
        request: AuthorizationRequest,
        session: Session,
        scopes: tuple[str, ...],
        *,
        client: Client,
        rules: StoredRules | None = None,
    ) -> str | None:
        """Issue a code, narrowed to `scopes`; None if the user, session or client no longer exists.

        Args:
            outcome: the result of `outcome` for this request.
            client: the client of the request, as it was read for it.
            rules: the access rules, as they were read for it; None to read them.
        """
        now, code_s = int(self._clock()), self._code_s(client)
        acr = acr_to_issue(session.acr, request.acr)
        waiting = self._grant_factory.draft(
            client,
            scopes,
            request.resource,
            now,
            owner=session.owner,
            waits_s=code_s,
            grant_id=outcome.grant_id,
            nonce=request.nonce,
            redirect_uri=request.redirect_uri,
            redirect_uri_given=request.redirect_uri_given,
            code_challenge=request.code_challenge,
            code_jkt=request.dpop_jkt,
            id_token_claims=request.id_token_claims,
            userinfo_claims=request.userinfo_claims,
            acr=None if acr == ACR_PASSWORD else acr,
            trace=to_store(),
        )
        try:
            grant = await self._grant_factory.open(waiting, rules)
        except (InvalidClientError, InvalidGrantError):
            return None
        return self._token_issuer.authorization_code(grant, outcome.code_expires_at)

    def _code_s(self, client: Client) -> int:
        """Return the lifetime of a code, in seconds."""
        return min(self._lifetimes.code_s, FAPI_CODE_S) if client.follows_fapi else self._lifetimes.code_s
