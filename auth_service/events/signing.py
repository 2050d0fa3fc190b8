"""Security Event Tokens, signed once per event and receiver, however many processes of it poll."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from auth_service.crypto.signing_keys import SigningKeys
from shared.security_events import ALGORITHM, TYPE, SecurityEvent, set_claims

KEPT = 2_048


class SignedEvents:
    """Signs events for receivers and caches the most recent tokens."""

    def __init__(self, signing_keys: SigningKeys, issuer: str) -> None:
        self._signing_keys = signing_keys
        self._issuer = issuer
        self._signed: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = asyncio.Lock()

    async def tokens(self, events: Iterable[SecurityEvent], audience: str) -> dict[str, str]:
        """Return the tokens by `jti`, in the order of the events (RFC 8936 §2.3)."""
        async with self._lock:
            return {event.jti: await self._token(event, audience) for event in events}

    async def _token(self, event: SecurityEvent, audience: str) -> str:
        key = (audience, event.jti)
        if key not in self._signed:
            claims = set_claims(event, issuer=self._issuer, audience=audience)
            self._signed[key] = await self._signing_keys.sign(claims, typ=TYPE, alg=ALGORITHM)
            if len(self._signed) > KEPT:
                self._signed.popitem(last=False)
        return self._signed[key]
