"""The caller of the admin API, verified from the access token at each request."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request

from auth_service.administration.actors import Actor
from auth_service.client_auth.dpop import DpopProofs
from auth_service.clients.repository import ClientRepository
from auth_service.grants.token_reader import TokenReader
from auth_service.journal.journal import NO_JOURNAL, Journal
from auth_service.protocol.admin_access import (
    RECENT_S,
    SCOPE,
    InsufficientUserAuthenticationError,
    admin_resource_of,
    may_administer,
)
from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.errors import InsufficientScopeError, InvalidTokenError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import SecondFactorPolicy, acr_of_grant
from auth_service.users.repository import User, UserRepository
from auth_service.web.http import bearer_of
from shared.asgi import header_values
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminCaller:
    """An administrator through a client, or a client that acts for itself.

    Attributes:
        user: None for a client that acts for itself.
        authenticated_at: when the administrator logged in, or the client authenticated (seconds since 1970).
        authenticated_at_known: see `Session.auth_time_known`.
    """

    client_id: str
    user: User | None
    authenticated_at: int
    authenticated_at_known: bool = True
    journal: Journal = NO_JOURNAL

    @property
    def actor(self) -> Actor:
        """The caller, for the log."""
        if self.user is None:
            return Actor(name=self.client_id, subject=None, via="api", journal=self.journal)
        return Actor(name=self.user.username, subject=self.user.subject, via="api", journal=self.journal)


@dataclass(frozen=True, kw_only=True)
class AdminCallers:
    """Admits administrators, and the operator's clients that may administer."""

    tokens: TokenReader
    dpop: DpopProofs
    clients: ClientRepository
    users: UserRepository
    policy: SecondFactorPolicy
    issuer: str
    clock: Clock
    journal: Journal

    async def require(self, request: Request, *, fresh: bool) -> AdminCaller:
        """Return the caller.

        Args:
            fresh: whether the operation needs a login within `RECENT_S`.

        Raises:
            InvalidTokenError: there is no access token for this API, or its client or person may not use it.
            InsufficientScopeError: the token lacks the scope.
            InsufficientUserAuthenticationError: the login is too old, or lacks a second factor.
            InvalidDpopProofError, UseDpopNonceError: the DPoP proof is not valid.
        """
        grant, scopes = await self._grant(request)
        _check_given_directly(grant)
        if grant.resource != admin_resource_of(self.issuer):
            raise InvalidTokenError(
                Reason.ADMIN_TOKEN_REFUSED, "the access token is for another resource than the admin API"
            )
        if SCOPE not in scopes:
            raise InsufficientScopeError(Reason.ADMIN_SCOPE_MISSING, f"the scope {SCOPE} was not granted")
        client = await self.clients.get(grant.client_id)
        if client is None or not may_administer(client):
            raise InvalidTokenError(
                Reason.ADMIN_CLIENT_NOT_ALLOWED, "this client may not administer this server"
            )
        caller = AdminCaller(
            client_id=client.client_id,
            user=await self._administrator(grant),
            # The client authenticated when it got the token: a new one is as good as a login.
            authenticated_at=grant.auth_time if grant.auth_time is not None else grant.created_at,
            authenticated_at_known=grant.auth_time_known,
            journal=self.journal,
        )
        if fresh:
            self.require_fresh(caller)
        return caller

    def require_fresh(self, caller: AdminCaller) -> None:
        """Check that the login is not older than `RECENT_S`.

        Raises:
            InsufficientUserAuthenticationError: it is older, or its age is unknown.
        """
        if not caller.authenticated_at_known or self.clock() >= caller.authenticated_at + RECENT_S:
            raise InsufficientUserAuthenticationError(
                Reason.LOGIN_TOO_OLD, "this operation needs a new login", max_age_s=RECENT_S
            )

    async def _grant(self, request: Request) -> tuple[Grant, tuple[str, ...]]:
        proofs = header_values(request.scope, "dpop")
        token = bearer_of(request, scheme="DPoP" if proofs else "Bearer")
        token_and_grant = await self.tokens.live_access(token)
        if token_and_grant is None:
            raise InvalidTokenError(
                Reason.ACCESS_TOKEN_INVALID, "the access token is not valid, or has expired"
            )
        handle, grant = token_and_grant
        url = self.issuer + quote(request.scope["path"], safe="/~@:")
        jkt = await self.dpop.check(proofs, request.method, url, source=grant.grant_id, access_token=token)
        if grant.jkt != jkt:
            raise InvalidTokenError(Reason.DPOP_KEY_MISMATCH, "the access token is bound to another key")
        return grant, grant.scopes_of(handle.generation)

    async def _administrator(self, grant: Grant) -> User | None:
        if grant.subject is None:
            return None
        # Read on each request, so that a demoted administrator is refused at once.
        user = await self.users.by_subject(grant.subject)
        if user is None or user.disabled or not user.admin:
            raise InvalidTokenError(Reason.NOT_ADMINISTRATOR, "the person is not an administrator")
        required = self.policy.is_required_of(admin=True) or self.policy.is_required_for(
            grant.resource, grant.scopes
        )
        if required and acr_of_grant(grant) != ACR_MFA:
            raise InsufficientUserAuthenticationError(
                Reason.SECOND_FACTOR_REQUIRED, "administrators need a second factor", acr=ACR_MFA
            )
        return user


def _check_given_directly(grant: Grant) -> None:
    # A token that was exchanged, or given for an assertion, has passed through other hands.
    if grant.parent_grants or grant.act is not None or grant.assertion_issuer is not None:
        raise InvalidTokenError(
            Reason.ADMIN_TOKEN_REFUSED, "the access token was not given directly by this server"
        )
