"""Error pages for a person, if the error cannot be sent to a client."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.protocol.errors import (
    OAuthError,
    ServerUnavailableError,
    SlowDownError,
)
from auth_service.protocol.reasons import Reason
from auth_service.users.sessions import SessionRepository
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.http import retry_after, wait_sentence
from auth_service.web.render import PageTemplates
from shared.logs import get_logger
from shared.storage.interface import StoreUnavailableError
from shared.texts import Text

_log = get_logger(__name__)

FORGETTING = (
    ("Claude", Text("Settings → Connectors → this connector → Disconnect or Remove, then add it again.")),
    ("Claude Code", Text("Run /mcp, choose the server, then Clear authentication, and authenticate again.")),
    ("ChatGPT", Text("Settings → Apps & Connectors → this connector → Disconnect, then connect it again.")),
    (
        "Cursor",
        Text("Settings → MCP → log out of this server, or remove and add it. Then connect again."),
    ),
    (
        "VS Code",
        Text("Run “Authentication: Remove Dynamic Authentication Providers”. Restart the server."),
    ),
    ("mcp-remote", Text("Delete the folder ~/.mcp-auth and start it again.")),
)
"""How a person makes a client forget an old registration."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in, and the token of their logout form."""

    username: str
    csrf: str


class ErrorPages:
    """Pages that say what happened and what to do next."""

    def __init__(
        self, templates: PageTemplates, browsers: BrowserCookies, sessions: SessionRepository
    ) -> None:
        self._templates = templates
        self._browsers = browsers
        self._sessions = sessions

    async def refused(self, error: OAuthError, request: Request) -> Response:
        """Return the page for an error that cannot be sent to a client."""
        if error.status in (429, 503):
            response = await self._later(error, request)
        else:
            logs_out = request.url.path.endswith("/logout")
            status = 400 if error.status == 401 else error.status
            response = await self._render(request, "error.html", status, error=error, logs_out=logs_out)
        response.headers.update(retry_after(error))
        return response

    async def _later(self, error: OAuthError, request: Request) -> Response:
        """Return the page for a valid request that can be repeated later."""
        ours = isinstance(error, ServerUnavailableError)
        return await self._render(
            request,
            "unavailable.html",
            error.status,
            error=error,
            ours=ours,
            reason=wait_sentence(error) if isinstance(error, SlowDownError) else Text(error.description),
            # A write whose response was lost may have happened; opening a page writes nothing.
            unchanged=not ours or request.method == "GET",
        )

    async def unknown_client(self, request: Request) -> Response:
        """Return the page for an unknown client, most often registered at another installation (AS-20)."""
        _log.info(
            "refused",
            path="/authorize",
            error="invalid_client",
            status=400,
            reason="unknown client",
            reason_code=Reason.CLIENT_UNKNOWN.code,
        )
        return await self._render(request, "unknown_client.html", 400, forgetting=FORGETTING)

    async def expired(self, request: Request) -> Response:
        """Return the page for a pending request that has ended or belongs to another browser."""
        return await self._render(request, "expired.html", 400)

    async def stale(self, request: Request) -> Response:
        """Return the page for a form from before a login or logout."""
        return await self._render(request, "stale.html", 400)

    async def foreign_form(self, request: Request) -> Response:
        """Return the page for a form sent by a page of another site."""
        return await self._render(request, "foreign_form.html", 403)

    async def visitor(self, browser: Browser) -> Visitor | None:
        """Return who is logged in at `browser`, which has a secret; None if nobody is or the store fails."""
        try:
            session = await self._sessions.find(browser.session)
        except StoreUnavailableError:
            return None
        return None if session is None else Visitor(session.username, self._browsers.form_token(browser))

    async def _render(self, request: Request, template: str, status: int, **context: object) -> Response:
        browser, cookies = self._browsers.with_secret(self._browsers.browser_of(request))
        visitor = await self.visitor(browser)
        return self._templates.render(
            template, {**context, "visitor": visitor}, status=status, cookies=cookies if visitor else ()
        )
