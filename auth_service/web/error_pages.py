"""Pages for a person when there is no client that could be told."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from auth_service.protocol.errors import OAuthError
from auth_service.protocol.reasons import Reason
from auth_service.web.browser_cookies import BrowserCookies
from auth_service.web.http import retry_after
from auth_service.web.render import PageTemplates
from shared.logs import get_logger

_log = get_logger(__name__)

FORGETTING = (
    ("Claude", "Settings → Connectors → this connector → Disconnect or Remove, then add it again."),
    ("Claude Code", "Run /mcp, choose the server, then Clear authentication, and authenticate again."),
    ("ChatGPT", "Settings → Apps & Connectors → this connector → Disconnect, then connect it again."),
    ("Cursor", "Settings → MCP → log out of this server, or remove and add it; then connect again."),
    ("VS Code", "Run “Authentication: Remove Dynamic Authentication Providers”, then restart the server."),
    ("mcp-remote", "Delete the folder ~/.mcp-auth and start it again."),
)
"""How a person makes a client forget an old registration."""


class ErrorPages:
    """Says what happened and what to do now."""

    def __init__(self, templates: PageTemplates, browsers: BrowserCookies) -> None:
        self._templates = templates
        self._browsers = browsers

    def refused(self, error: OAuthError, request: Request) -> Response:
        """A request that cannot be answered to anybody else."""
        status = 400 if error.status == 401 else error.status
        browser = self._browsers.browser_of(request)
        response = self._render(
            "error.html",
            status,
            error=error,
            logs_out=request.url.path.endswith("/logout"),
            logged_in=bool(browser.session),
        )
        response.headers.update(retry_after(error))
        return response

    def unknown_client(self) -> Response:
        """A client that is not registered here: most often it remembers another installation (AS-20)."""
        _log.info(
            "refused",
            path="/authorize",
            error="invalid_client",
            status=400,
            reason="unknown client",
            reason_code=Reason.CLIENT_UNKNOWN.code,
        )
        return self._render("unknown_client.html", 400, forgetting=FORGETTING)

    def expired(self) -> Response:
        """A pending request that is over, or that another browser began."""
        return self._render("expired.html", 400)

    def stale(self) -> Response:
        """A form from before somebody logged in or out."""
        return self._render("stale.html", 400)

    def foreign_form(self) -> Response:
        """A form that a page of another site sent."""
        return self._render("foreign_form.html", 403)

    def _render(self, template: str, status: int, **context: object) -> Response:
        return self._templates.render(template, context, status=status)
