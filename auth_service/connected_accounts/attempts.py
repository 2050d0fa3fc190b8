"""Browsers at the provider of a connected account: each attempt is completed once (SEC-3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from time import monotonic

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.pkce import s256
from auth_service.storage import keys
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LIFETIME_S = 600
_FIRST_TAKES_S = 15.0
_LOOK_AGAIN_S = 0.1
_PURPOSE = "connect attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAttempt:
    """A browser at a provider, as it is stored.

    Attributes:
        browser: the digest of the secret in the browser that began the attempt.
        provider_identity: of the provider to which it was sent; see `UpstreamProvider.identity`.
        answered: whether the browser has come back.
        outcome: the name of the page that it then got; empty while that is not decided.
    """

    link_id: str
    browser: str
    answered: bool = False
    outcome: str = ""
    provider_identity: str = ""


@dataclass(frozen=True, slots=True)
class AttemptSecrets:
    """The secrets of an attempt, derived from the state and not stored."""

    state: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The PKCE code challenge (RFC 7636 §4.2, S256)."""
        return s256(self.verifier)


class ConnectAttempts:
    """The attempts in the store."""

    def __init__(self, store: Store, keyring: KeyRing) -> None:
        self._attempts = Collection(
            store, keys.connect_attempt, JsonCodec(ConnectAttempt), lambda _: LIFETIME_S
        )
        self._tagger = Tagger(keyring, _PURPOSE)

    async def begin(self, link_id: str, browser_secret: str, provider_identity: str) -> AttemptSecrets:
        """Store a new attempt and return its secrets."""
        state = new_secret()
        attempt = ConnectAttempt(
            link_id=link_id, browser=digest(browser_secret), provider_identity=provider_identity
        )
        await self._attempts.create(state, attempt)
        return self.secrets_of(state)

    def secrets_of(self, state: str) -> AttemptSecrets:
        """Return the secrets of the attempt with this state."""
        return AttemptSecrets(state, self._tagger.tag(f"verifier {state}"))

    async def get(self, state: str | None, browser_secret: str | None) -> ConnectAttempt | None:
        """Return the attempt with this state, if this browser began it."""
        if not state or not browser_secret:
            return None
        attempt = await self._attempts.get(state)
        return attempt if attempt is not None and attempt.browser == digest(browser_secret) else None

    async def claim(self, state: str) -> bool:
        """Claim the right to complete an attempt; exactly one caller gets True."""

        def rule(attempt: ConnectAttempt) -> tuple[ConnectAttempt | None, bool]:
            return (None, False) if attempt.answered else (replace(attempt, answered=True), True)

        return bool(await self._attempts.update(state, rule))

    async def finish(self, state: str, outcome: str) -> None:
        """Record the page that the browser gets, also if it comes back again."""
        await self._attempts.update(state, lambda attempt: (replace(attempt, outcome=outcome), None))

    async def outcome(self, state: str) -> str:
        """Return the outcome of an attempt that another request completes or has completed, or nothing."""
        deadline = monotonic() + _FIRST_TAKES_S
        while attempt := await self._attempts.get(state):
            if attempt.outcome or monotonic() > deadline:
                return attempt.outcome
            await asyncio.sleep(_LOOK_AGAIN_S)
        return ""
