"""Logout through an identity provider: ends the sessions and grants here (back-channel logout)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from auth_service.federation.identities import IdentityRepository
from auth_service.federation.logins import LIFETIME_S
from auth_service.federation.openid import OpenIdLogin
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.claims_request import ACR_FEDERATED
from auth_service.protocol.federated_identity import FederatedIdentity, InvalidProviderResponseError
from auth_service.protocol.grant import Grant
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.provider_logout import OLDEST_S, ProviderLogoutEvent, check_logout_token
from auth_service.storage import keys
from auth_service.users.sessions import Session, SessionRepository
from shared.clock import Clock
from shared.jose import InvalidJwsError, parse
from shared.logs import get_logger
from shared.storage.interface import Store, StoreUnavailableError

_log = get_logger(__name__)
_TYPES = (None, "jwt", "logout+jwt")


class ProviderSessions:
    """Records which accounts have logged in during a session of a provider."""

    def __init__(self, store: Store, ttl_s: int) -> None:
        self._store = store
        self._ttl_s = ttl_s

    async def note(self, federated: FederatedIdentity, subject: str) -> None:
        """Record that an account logged in during that session of the provider."""
        if federated.session_id:
            name = _name(federated.issuer, federated.session_id)
            await self._store.index_add(keys.provider_session(name), subject, ttl_s=self._ttl_s)

    async def end(self, issuer: str, session_id: str) -> None:
        """Record that a session of the provider has ended, for logins that are still under way."""
        await self._store.put_once(_ended(issuer, session_id), ttl_s=2 * LIFETIME_S)

    async def has_ended(self, federated: FederatedIdentity) -> bool:
        """Whether the provider's session of the current login has just ended."""
        session_id = federated.session_id
        return session_id is not None and await self.session_has_ended(federated.issuer, session_id)

    async def session_has_ended(self, issuer: str, session_id: str) -> bool:
        """Whether that session of the provider has just ended."""
        return await self._store.get(_ended(issuer, session_id)) is not None

    async def subjects(self, issuer: str, session_id: str) -> list[str]:
        """Return the subjects of the accounts that logged in during a session."""
        return await self._store.index_list(keys.provider_session(_name(issuer, session_id)))


@dataclass(frozen=True, kw_only=True)
class ProviderLogout:
    """Ends the sessions that began through a provider, with the grants given in them."""

    openid: OpenIdLogin
    identities: IdentityRepository
    provider_sessions: ProviderSessions
    sessions: SessionRepository
    grants: GrantRepository
    store: Store
    clock: Clock

    async def end(self, provider: IdentityProvider, logout_token: str) -> None:
        """End the sessions named by a logout token.

        Raises:
            InvalidProviderResponseError: it is not a logout token of this provider for this server.
            ProviderUnavailableError: the token cannot be verified at the moment.
        """
        event = await self._verified(provider, logout_token)
        once = keys.once("provider-logout", provider.issuer, event.jti)
        if not await self.store.put_once(once, ttl_s=2 * OLDEST_S):
            return  # already processed; a repetition is not an error: the response may have been lost
        try:
            # Recorded before the sessions end: a login checks it after its session began.
            if event.session_id is not None:
                await self.provider_sessions.end(provider.issuer, event.session_id)
            for subject in await self._subjects(provider, event):
                await self._end(provider, subject, event)
        except StoreUnavailableError:
            await self.store.delete(once)  # so that the provider can retry
            raise

    async def _verified(self, provider: IdentityProvider, logout_token: str) -> ProviderLogoutEvent:
        try:
            token = parse(logout_token)
        except InvalidJwsError as error:
            raise InvalidProviderResponseError(f"it is not a valid logout token: {error}") from error
        # Cheap to check, so it comes before the signature.
        event = check_logout_token(token.unverified_claims, provider, self.clock())
        await self.openid.verify(provider, token, types=_TYPES)
        return event

    async def _subjects(self, provider: IdentityProvider, event: ProviderLogoutEvent) -> list[str]:
        if event.subject is None:
            return await self.provider_sessions.subjects(provider.issuer, event.session_id or "")
        identity = await self.identities.get(provider.issuer, event.subject)
        return [identity.subject] if identity else []

    async def _end(self, provider: IdentityProvider, subject: str, event: ProviderLogoutEvent) -> None:
        def is_over(session: Session) -> bool:
            same = event.session_id in (None, session.provider_session)
            return session.provider_id == provider.provider_id and same

        # The sessions end first: code that opens a grant in one of them checks the session afterwards.
        ended = await self.sessions.end_those(subject, is_over)
        for grant in await self.grants.of_subject(subject):
            if grant.session_key in ended or (event.session_id is None and _given_through(provider, grant)):
                await self.grants.revoke(grant.grant_id, "the user was logged out at the identity provider")
        await self.identities.note_due(subject, provider.provider_id)
        _log.info("logout by provider", provider=provider.provider_id, subject=subject, sessions=len(ended))


def _given_through(provider: IdentityProvider, grant: Grant) -> bool:
    """Whether a grant was given in a login through `provider`, in a session that may have expired since."""
    # Grants from before providers were recorded only say that it was some provider.
    return grant.acr == ACR_FEDERATED and grant.provider_id in (provider.provider_id, None)


def _ended(issuer: str, session_id: str) -> str:
    return keys.once("provider-session-ended", issuer, session_id)


def _name(issuer: str, session_id: str) -> str:
    return json.dumps([issuer, session_id])
