"""Pending logins through a provider: bound to a browser, completed once (SEC-3, SEC-16)."""

from __future__ import annotations

import asyncio
import binascii
import json
from dataclasses import asdict, dataclass, replace
from time import monotonic

from auth_service.crypto.keyring import KeyRing, SealBrokenError, Tagger
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.fresh_login import Freshness
from auth_service.protocol.interaction import REPEATED_FOR_S
from auth_service.protocol.pkce import s256
from auth_service.storage import keys
from shared import base64url
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LIFETIME_S = 600
_FIRST_TAKES_S = 15.0
_LOOK_AGAIN_S = 0.1
_PURPOSE = "federated logins"


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedLogin:
    """A login through a provider, as it is stored.

    Attributes:
        browser: the digest of the secret in the browser that began the login.
        sealed: the encrypted `LoginPurpose`; the id of a pending request is not stored in plain text.
        answered: whether the browser has come back.
        location: the URL to which the browser was then redirected.
    """

    provider_id: str
    browser: str
    sealed: str
    answered: bool = False
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPurpose:
    """The purpose of a login.

    Attributes:
        pending_id: the authorization request that waits for the login.
        to: see `pages.login`.
        links: the subject of the account to which the identity is to be connected.
        freshness: a `Freshness`.
        since: when the login began, in seconds since 1970.
    """

    pending_id: str | None = None
    to: str | None = None
    links: str | None = None
    freshness: str = Freshness.ANY
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSecrets:
    """The secrets of one login, all derived from the state and not stored.

    Attributes:
        session: input for the secret of the session, so that a browser that comes back twice, after a double
            click at the provider, gets the same session.
    """

    state: str
    nonce: str
    verifier: str
    session: str

    @property
    def challenge(self) -> str:
        """The PKCE code challenge (RFC 7636 §4.2, S256)."""
        return s256(self.verifier)


class FederatedLogins:
    """The pending logins in the store."""

    def __init__(self, store: Store, keyring: KeyRing) -> None:
        self._logins = Collection(store, keys.federated_login, JsonCodec(FederatedLogin), _lifetime)
        self._keyring = keyring
        self._tagger = Tagger(keyring, _PURPOSE)

    async def begin(self, provider_id: str, browser_secret: str, purpose: LoginPurpose) -> LoginSecrets:
        """Store a new login and return its secrets."""
        state = new_secret()
        sealed = base64url.encode(self._keyring.seal(_PURPOSE, json.dumps(asdict(purpose)).encode()))
        login = FederatedLogin(provider_id=provider_id, browser=digest(browser_secret), sealed=sealed)
        await self._logins.create(state, login)
        return self.secrets_of(state)

    def secrets_of(self, state: str) -> LoginSecrets:
        """Return the secrets of the login with this state."""
        return LoginSecrets(
            state=state,
            nonce=self._tagger.tag(f"nonce {state}"),
            verifier=self._tagger.tag(f"verifier {state}"),
            session=self._tagger.tag(f"session {state}"),
        )

    async def get(
        self, state: str | None, browser_secret: str | None, provider_id: str
    ) -> FederatedLogin | None:
        """Return the login with this state, if this browser began it with this provider."""
        if not state or not browser_secret:
            return None
        login = await self._logins.get(state)
        if login is None or login.browser != digest(browser_secret):
            return None
        # RFC 9700 §4.4.2: each provider has its own callback, so that responses cannot be mixed up.
        return login if login.provider_id == provider_id else None

    def purpose_of(self, login: FederatedLogin) -> LoginPurpose | None:
        """Return the purpose of the login; None if the master key that encrypted it was removed."""
        try:
            return LoginPurpose(**json.loads(self._keyring.open(_PURPOSE, base64url.decode(login.sealed))))
        except (SealBrokenError, binascii.Error, ValueError, TypeError):
            return None

    async def claim(self, state: str) -> bool:
        """Claim the right to complete a login; exactly one caller gets True."""

        def rule(login: FederatedLogin) -> tuple[FederatedLogin | None, bool]:
            return (None, False) if login.answered else (replace(login, answered=True), True)

        return bool(await self._logins.update(state, rule))

    async def finish(self, state: str, location: str) -> None:
        """Record where the browser is redirected, for the same browser if it comes back again."""
        await self._logins.update(state, lambda login: (replace(login, location=location), None))

    async def outcome(self, state: str) -> str | None:
        """Return the redirect of a login that another request completes or has completed; None if unknown."""
        deadline = monotonic() + _FIRST_TAKES_S
        while login := await self._logins.get(state):
            if login.location is not None or monotonic() > deadline:
                return login.location
            await asyncio.sleep(_LOOK_AGAIN_S)
        return None


def _lifetime(login: FederatedLogin) -> int:
    return REPEATED_FOR_S if login.answered else LIFETIME_S
