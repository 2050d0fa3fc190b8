"""The browsers in which a person has logged in, as one document, and the rules by which it changes (ID-7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_BROWSERS = 30
"""One more replaces the one that was not used for longest."""
KNOWN_S = 365 * 86_400
"""How long a browser is known after its last login, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBrowser:
    """A browser in which the person has logged in. Times are seconds since 1970.

    Attributes:
        browser_id: the id in its cookie; authenticates nothing without the tag beside it.
        name, network: of the last login (see `request_source`).
    """

    browser_id: str
    first_at: int
    last_at: int
    name: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBrowsers:
    """The known browsers of one person, the last used first."""

    browsers: tuple[KnownBrowser, ...] = ()

    def find(self, browser_id: str, now: int) -> KnownBrowser | None:
        """Return the browser with that id, if it is still known."""
        return next((each for each in self.current(now) if each.browser_id == browser_id), None)

    def current(self, now: int) -> tuple[KnownBrowser, ...]:
        """Return the browsers that are still known."""
        return tuple(each for each in self.browsers if now < each.last_at + KNOWN_S)

    def with_login(self, browser: KnownBrowser) -> KnownBrowsers:
        """Return the browsers after a login in `browser`."""
        now = browser.last_at
        before = self.find(browser.browser_id, now)
        if before is not None:
            browser = replace(browser, first_at=before.first_at)
        others = (each for each in self.current(now) if each.browser_id != browser.browser_id)
        return KnownBrowsers(browsers=(browser, *others)[:MAX_BROWSERS])

    def without(self, browser_id: str) -> KnownBrowsers:
        """Return the browsers without the one with that id."""
        return KnownBrowsers(browsers=tuple(each for each in self.browsers if each.browser_id != browser_id))
