"""A Chromium that reaches this machine only, and keeps what its pages ask for and complain about."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

OTHER_HOST = "client.test"
"""A name that leads here, too: another site than ``localhost``, and not on loopback as far as it can see."""

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {OTHER_HOST} 127.0.0.1, MAP * ~NOTFOUND, "
    "EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
_OURS = frozenset({"localhost", "127.0.0.1", OTHER_HOST})
_EXPECTED = re.compile(
    # A page that is a refusal has the status of one, and the console says so.
    r"Failed to load resource: the server responded with a status of 4\d\d"
    # Swagger UI, of every operation id with an underscore in it.
    r"|Warning: escaping deep link whitespace"
)
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""Chromium gives up every connection that it is opening when an interface of the machine comes or goes, and
the tests of the containers, beside these, start and end some."""

TIMEOUT_MS = 20_000
"""For any one thing that a page has to do; only a machine with much else to do comes near it."""


@contextmanager
def chromium_running() -> Iterator[Browser]:
    """Debian's Chromium without a window, for the length of the context.

    Where there is `chromium-headless-shell`, that: the same engine without a user interface takes half the
    processor time.
    """
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str | None:
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@dataclass
class Desk:
    """Where people sit down at browsers of their own.

    Attributes:
        complaints: of the consoles so far: errors, warnings, blocked content. A test that wants one takes it
            out.
        requests: every URL that a page asked for.
    """

    chromium: Browser
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _profiles: list[BrowserContext] = field(default_factory=list)

    def sit_down(self, **options: Any) -> BrowserContext:
        """A browser with nothing in it yet; `options` are those of `Browser.new_context`."""
        profile = self.chromium.new_context(**options)
        profile.set_default_timeout(TIMEOUT_MS)
        profile.on("console", self._note_message)
        profile.on("weberror", lambda error: self.complaints.append(str(error.error)))
        profile.on("request", self._note_request)
        profile.on("requestfailed", self._note_failure)
        self._profiles.append(profile)
        return profile

    def page(self, **options: Any) -> Page:
        """A tab in a browser of its own."""
        return self.sit_down(**options).new_page()

    def leave(self) -> None:
        """Close every browser."""
        for profile in self._profiles:
            profile.close()

    @property
    def asked_elsewhere(self) -> list[str]:
        """Every URL on a host that is not this machine, for which a page asked."""
        return [url for url in self.requests if urlsplit(url).hostname not in _OURS]

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.match(message.text):
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if request.url.startswith(("http:", "https:")):
            self.requests.append(request.url)

    def _note_failure(self, request: Request) -> None:
        """Note a page that the browser could not open; the console does not mention it."""
        if request.is_navigation_request() and NETWORK_CHANGED in (request.failure or ""):
            self.complaints.append(f"{request.url}: {request.failure}")
