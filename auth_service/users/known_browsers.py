"""The browsers in which people have logged in, one document for each account."""

from __future__ import annotations

from auth_service.protocol.known_browsers import KNOWN_S, KnownBrowser, KnownBrowsers
from auth_service.protocol.request_source import RequestSource
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


class KnownBrowserRepository:
    """The known browsers in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._browsers = Collection(store, keys.known_browsers, JsonCodec(KnownBrowsers), lambda _: KNOWN_S)
        self._clock = clock

    async def of(self, subject: str) -> tuple[KnownBrowser, ...]:
        """Return the known browsers of a person, the last used first."""
        stored = await self._browsers.get(subject) or KnownBrowsers()
        return stored.current(int(self._clock()))

    async def knows(self, subject: str, browser_id: str) -> bool:
        """Whether the person has logged in with that browser, and has not removed it since."""
        return any(each.browser_id == browser_id for each in await self.of(subject))

    async def record_login(self, subject: str, browser_id: str, source: RequestSource | None) -> None:
        """Record a login."""
        now = int(self._clock())
        browser = KnownBrowser(
            browser_id=browser_id,
            first_at=now,
            last_at=now,
            name=source.browser if source else "",
            network=source.network if source else "",
        )

        def rule(stored: KnownBrowsers) -> tuple[KnownBrowsers, bool]:
            return stored.with_login(browser), True

        while not await self._browsers.update(subject, rule):
            if await self._browsers.create(subject, KnownBrowsers().with_login(browser)):
                return

    async def forget(self, subject: str, browser_id: str) -> None:
        """Forget one browser."""
        await self._browsers.update(subject, lambda stored: (stored.without(browser_id), None))

    async def forget_all(self, subject: str) -> None:
        """Forget all browsers of a person."""
        await self._browsers.delete(subject)
