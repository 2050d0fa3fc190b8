"""The context of every page."""

from __future__ import annotations

from auth_service.journal.account_events import AccountEvents
from auth_service.settings import AuthSettings
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.error_pages import ErrorPages
from auth_service.web.page_context import PageContext
from auth_service.web.render import PageTemplates
from auth_service.wiring.infrastructure import Infrastructure
from shared.appearance.theme import Theme
from shared.home_networks import WARNING
from shared.texts import Text

DEMO_NOTICE = Text("This is a trial set-up: log in as “wesen” with the password “secret”.")


def page_context(
    base: Infrastructure, sessions: SessionRepository, known_browsers: KnownBrowserRepository
) -> PageContext:
    """Create the context of every page."""
    browsers = BrowserCookies(base.key_ring, base.settings.issuer)
    notice = DEMO_NOTICE if base.settings.demo_user else None
    templates = PageTemplates(Theme.of(base.settings), notice=notice, warning=warning(base.settings))
    return PageContext(
        sessions=sessions,
        known_browsers=known_browsers,
        browsers=browsers,
        networks=ClientNetworks(base.settings.trusted_proxies),
        templates=templates,
        errors=ErrorPages(templates, browsers, sessions),
        account_events=AccountEvents(base.journal),
    )


def warning(settings: AuthSettings) -> str | None:
    """Return the warning on every page for a configuration that is not for the internet."""
    return WARNING if settings.allow_http_networks else None
