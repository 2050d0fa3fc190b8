"""The network and browser of a request, as shown to the person on the account page.

Only the name of the browser is stored, not the whole User-Agent header: it is enough to recognize one's own
browser, and says less about its owner.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.texts import Text

MAX_USER_AGENT = 512
UNKNOWN_BROWSER = Text("Unknown browser")

# The first match counts: nearly every browser also names Chrome, Safari or both.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSource:
    """The source of a request.

    Attributes:
        network: the network as the rate limits count it: an IPv4 address, or an IPv6 /64.
        browser: from `browser_name`.
    """

    network: str
    browser: str

    @property
    def shown_browser(self) -> Text:
        """The browser, in the language of the page."""
        return shown_browser(self.browser)

    @property
    def shown_network(self) -> str:
        """The network as people write it."""
        return shown_network(self.network)


def shown_network(network: str) -> str:
    """Return a network as people write it: a single IPv4 address without its prefix length."""
    return network.removesuffix("/32")


def shown_browser(name: str) -> Text:
    """Return a name made by `browser_name`, to be shown in the language of the page."""
    browser, on, system = name.partition(" on ")
    if not on:
        return Text(name)
    return Text("%(browser)s on %(system)s", browser=Text(browser), system=system)


def browser_name(user_agent: str | None) -> str:
    """Return the browser and system that a User-Agent header names; anybody can claim to be any of them."""
    text = (user_agent or "")[:MAX_USER_AGENT]
    browser = next((name for mark, name in _BROWSERS if mark in text), None)
    system = next((name for mark, name in _SYSTEMS if mark in text), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"{UNKNOWN_BROWSER} on {system}" if system else UNKNOWN_BROWSER)
