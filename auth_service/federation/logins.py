"""Logins through a provider that have begun: bound to a browser, answered once (SEC-3, SEC-16)."""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import json
from dataclasses import dataclass, replace
from time import monotonic

from auth_service.crypto.keyring import KeyRing, SealBrokenError, Tagger
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.interaction import REPEATED_FOR_S
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from shared import base64url

LIFETIME_S = 600
_FIRST_TAKES_S = 15.0
_LOOK_AGAIN_S = 0.1
_PURPOSE = "federated logins"


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedLogin:
    """One of them, as it is kept.

    Attributes:
        browser: digest of the secret that the browser which began it holds.
        sealed: its `LoginPurpose`; the id of a pending request is not kept in plain text.
        answered: whether the browser came back.
        location: where that led.
    """

    provider_id: str
    browser: str
    sealed: str
    answered: bool = False
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPurpose:
    """What a login is for.

    Attributes:
        pending_id: the authorization request that waits for it.
        to: see `pages.login`.
        links: the subject of the account that the identity is to be connected to.
    """

    pending_id: str | None = None
    to: str | None = None
    links: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSecrets:
    """What one login sends and opens; all of it is derived from the state, and nothing of it is kept.

    Attributes:
        session: what the secret of the session is made of, so that a browser that comes back twice, after a
            double click at the provider, gets the same session.
    """

    state: str
    nonce: str
    verifier: str
    session: str

    @property
    def challenge(self) -> str:
        """RFC 7636 §4.2, S256."""
        return base64url.encode(hashlib.sha256(self.verifier.encode()).digest())


class FederatedLogins:
    """The logins that have begun, in a store."""

    def __init__(self, store: Store, keyring: KeyRing) -> None:
        self._logins = Collection(store, keys.federated_login, JsonCodec(FederatedLogin), _lifetime)
        self._keyring = keyring
        self._tagger = Tagger(keyring, _PURPOSE)

    async def begin(self, provider_id: str, browser_secret: str, purpose: LoginPurpose) -> LoginSecrets:
        """Keep a new login, and draw what it sends."""
        state = new_secret()
        members = {"pending_id": purpose.pending_id, "to": purpose.to, "links": purpose.links}
        sealed = base64url.encode(self._keyring.seal(_PURPOSE, json.dumps(members).encode()))
        login = FederatedLogin(provider_id=provider_id, browser=digest(browser_secret), sealed=sealed)
        await self._logins.create(state, login)
        return self.secrets_of(state)

    def secrets_of(self, state: str) -> LoginSecrets:
        """What the login with this state sent."""
        return LoginSecrets(
            state=state,
            nonce=self._tagger.tag(f"nonce {state}"),
            verifier=self._tagger.tag(f"verifier {state}"),
            session=self._tagger.tag(f"session {state}"),
        )

    async def get(
        self, state: str | None, browser_secret: str | None, provider_id: str
    ) -> FederatedLogin | None:
        """The login of that state, if this browser began it with this provider."""
        if not state or not browser_secret:
            return None
        login = await self._logins.get(state)
        if login is None or login.browser != digest(browser_secret):
            return None
        # RFC 9700 §4.4.2: each provider has a callback of its own, so an answer cannot pass for another's.
        return login if login.provider_id == provider_id else None

    def purpose_of(self, login: FederatedLogin) -> LoginPurpose | None:
        """What the login is for; None where the master key is gone that it was sealed under."""
        try:
            return LoginPurpose(**json.loads(self._keyring.open(_PURPOSE, base64url.decode(login.sealed))))
        except (SealBrokenError, binascii.Error, ValueError, TypeError):
            return None

    async def claim(self, state: str) -> bool:
        """Whether this caller is the one that may answer; True to exactly one."""

        def rule(login: FederatedLogin) -> tuple[FederatedLogin | None, bool]:
            return (None, False) if login.answered else (replace(login, answered=True), True)

        return bool(await self._logins.update(state, rule))

    async def finish(self, state: str, location: str) -> None:
        """Note where the answer led, for the same browser if it comes back again."""
        await self._logins.update(state, lambda login: (replace(login, location=location), None))

    async def outcome(self, state: str) -> str | None:
        """Where the answer led that another request is giving, or has given; None if nobody knows."""
        deadline = monotonic() + _FIRST_TAKES_S
        while login := await self._logins.get(state):
            if login.location is not None or monotonic() > deadline:
                return login.location
            await asyncio.sleep(_LOOK_AGAIN_S)
        return None


def _lifetime(login: FederatedLogin) -> int:
    return REPEATED_FOR_S if login.answered else LIFETIME_S
