"""What every page needs, as one object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request

from auth_service.users.sessions import Session, SessionRepository
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.error_pages import ErrorPages
from auth_service.web.render import PageTemplates


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """Who is at the browser, where the request comes from, and how a page is rendered.

    Attributes:
        errors: the pages for requests that fail; rendered with `templates`.
    """

    sessions: SessionRepository
    browsers: BrowserCookies
    networks: ClientNetworks
    templates: PageTemplates
    errors: ErrorPages

    async def visitor(self, request: Request) -> tuple[Browser, Session | None]:
        """The browser that sent `request`, and its login session."""
        browser = self.browsers.browser_of(request)
        return browser, await self.sessions.find(browser.session)

    def with_templates(self, templates: PageTemplates) -> PageContext:
        """The same context for pages that are rendered with `templates`."""
        return replace(self, templates=templates, errors=ErrorPages(templates, self.browsers, self.sessions))
