"""The objects that every page needs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request

from auth_service.journal.account_events import NO_ACCOUNT_EVENTS, AccountEvents
from auth_service.protocol.request_source import RequestSource, browser_name
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.sessions import Session, SessionRepository
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.error_pages import ErrorPages
from auth_service.web.render import PageTemplates
from shared.asgi.noted_caller import Requester, note_caller
from shared.storage.interface import StoreUnavailableError


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """Finds the browser, its session and its network, and renders pages.

    Attributes:
        errors: the pages for failed requests; rendered with `templates`.
    """

    sessions: SessionRepository
    browsers: BrowserCookies
    known_browsers: KnownBrowserRepository
    networks: ClientNetworks
    templates: PageTemplates
    errors: ErrorPages
    account_events: AccountEvents = NO_ACCOUNT_EVENTS

    async def session_of(self, request: Request, browser: Browser) -> Session | None:
        """Return the login session of `browser`, which sent `request`."""
        session = await self.sessions.find(browser.session)
        if session is not None:
            note_caller(request.scope, Requester(subject=session.subject, name=session.username))
        return session

    async def visitor(self, request: Request) -> tuple[Browser, Session | None]:
        """Return the browser that sent `request`, and its login session."""
        browser = self.browsers.browser_of(request)
        session = await self.session_of(request, browser)
        if session is not None:
            with suppress(StoreUnavailableError):  # people must be able to end sessions on a full store
                await self.sessions.record_seen(session, self.networks.network_of(request))
        return browser, session

    async def known_browser(self, browser: Browser, subject: str | None) -> str | None:
        """Return the id of the browser, if the account with `subject` has logged in with it."""
        browser_id = self.browsers.known_browser(browser.known_browser, subject)
        if browser_id is None or subject is None:
            return None
        return browser_id if await self.known_browsers.knows(subject, browser_id) else None

    def source_of(self, request: Request) -> RequestSource:
        """Return the network and browser of `request`."""
        return RequestSource(
            network=self.networks.network_of(request),
            browser=browser_name(request.headers.get("user-agent")),
        )

    def with_templates(self, templates: PageTemplates) -> PageContext:
        """Return the same context for pages rendered with `templates`."""
        return replace(self, templates=templates, errors=ErrorPages(templates, self.browsers, self.sessions))
