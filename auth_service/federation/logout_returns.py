"""Browsers that are at a provider's logout page and will come back, each with what follows then."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from auth_service.crypto.secrets import digest, new_secret
from auth_service.storage import keys
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LIFETIME_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutReturn:
    """A browser that was sent to a provider's logout page, as it is stored.

    Attributes:
        browser: the digest of the browser's secret.
        location: the client's registered URL to which the browser goes afterwards; None for our own page.
    """

    browser: str
    location: str | None = None


class LogoutReturns:
    """The logouts at providers in the store. Each is bound to its browser and used once.

    A `state` that worked in any browser would be an open redirect: anybody can register a client.
    """

    def __init__(self, store: Store) -> None:
        self._returns = Collection(store, keys.logout_return, JsonCodec(LogoutReturn), lambda _: LIFETIME_S)

    async def begin(self, browser_secret: str, location: str | None) -> str:
        """Record that a browser leaves; return the `state` with which it comes back."""
        state = new_secret()
        await self._returns.create(state, LogoutReturn(browser=digest(browser_secret), location=location))
        return state

    async def take(self, state: str | None, browser_secret: str | None) -> LogoutReturn | None:
        """Return what `begin` recorded for this browser, once; None for any other state or browser."""
        if not state or not browser_secret:
            return None
        left = await self._returns.get(state)
        if left is None or not hmac.compare_digest(left.browser, digest(browser_secret)):
            return None
        await self._returns.delete(state)
        return left
