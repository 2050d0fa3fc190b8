"""Renders templates as responses, with a strict Content-Security-Policy (DESIGN D11)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, Response

from shared.appearance.theme import Theme
from shared.logs import current_request_id
from shared.pages.environment import environment
from shared.texts import current_language

Answer = TypeVar("Answer", bound=Response)

STATIC = Path(str(resources.files("auth_service.web"))) / "static"

# No form-action if a page may lead to a client: browsers apply it to the redirects after a posted form, and
# the last one goes to the client, on hosts and schemes that cannot all be listed.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Vary": "Accept-Language",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "unsafe-none",
}
# These pages never redirect to a client.
_HEADERS_OF_CONSOLE = {
    **_HEADERS,
    "Content-Security-Policy": f"{_POLICY}; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class PageTemplates:
    """Renders pages.

    Args:
        theme: the name, logo and colors.
        notice: shown on the login page; None for no notice.
        warning: shown on every page; None for no warning.
        console: whether the templates are those of the pages below ``/admin``.
        nested: whether the pages are below another path, but may lead to other sites.
    """

    def __init__(
        self,
        theme: Theme,
        *,
        notice: str | None = None,
        warning: str | None = None,
        console: bool = False,
        nested: bool = False,
    ) -> None:
        self._theme, self._notice, self._warning = theme, notice, warning
        self._root = "../" if console or nested else ""
        self._headers = _HEADERS_OF_CONSOLE if console else _HEADERS
        self._environment = _environment()

    def remove_notice(self) -> None:
        """Show the notice no longer."""
        self._notice = None

    def render(
        self,
        template: str,
        context: Mapping[str, object],
        *,
        status: int = 200,
        cookies: tuple[str, ...] = (),
    ) -> HTMLResponse:
        """Render the page `template` with `context` and the id of the request.

        Args:
            cookies: Set-Cookie headers.
        """
        html = self._environment.get_template(template).render(
            context,
            notice=self._notice,
            warning=self._warning,
            root=self._root,
            theme=self._theme,
            request_id=current_request_id.get(),
            language=current_language.get(),
        )
        headers = {**self._headers, "Content-Language": current_language.get()}
        return set_cookies(HTMLResponse(html, status, headers), cookies)


@cache
def _environment() -> Environment:
    # Cached: all pages share the compiled templates, which take some milliseconds each to compile.
    return environment(PackageLoader("auth_service.web"))


def see_other(location: str, cookies: tuple[str, ...] = ()) -> Response:
    """Return a redirect that makes the browser GET (RFC 9700 §4.12: never 307 after a password form)."""
    response = Response(status_code=303, headers={"Cache-Control": "no-store"})
    # Not Starlette's redirect, which quotes the URL: a redirect URI is returned byte for byte (DESIGN D8).
    response.raw_headers.append((b"location", location.encode("latin-1")))
    return set_cookies(response, cookies)


def set_cookies(response: Answer, cookies: tuple[str, ...]) -> Answer:
    """Add Set-Cookie headers."""
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    return response
