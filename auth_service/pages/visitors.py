"""Pages for people who open a URL of this service without having been sent there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.appearance.theme import Theme
from shared.asgi import Refused, asks_for_page, not_found
from shared.pages.refused import refused_page
from shared.pages.standalone import StandalonePages


class VisitorPages:
    """The page at the root, and the error pages.

    Args:
        warning: shown on every page; None for no warning.
    """

    def __init__(self, issuer: str, theme: Theme, warning: str | None) -> None:
        brand = theme.brand(urlsplit(issuer).path)
        self._pages = StandalonePages(
            "auth_service.web", brand=brand, warning=warning, issuer=issuer, home=f"{issuer}/"
        )

    def home(self) -> HTMLResponse:
        """Return the page that says what this service is and what a person can do here."""
        return self._pages.render("home.html")

    def refused(self, refused: Refused) -> HTMLResponse:
        """Return the page for an error."""
        return refused_page(self._pages, refused)


def slash_routes(endpoints: Iterable[Endpoint]) -> Iterator[Route]:
    """Redirect the URL of each page with a slash at the end, as people type it, to the page."""
    for endpoint in endpoints:
        if "{" not in endpoint.path and "Pages" in endpoint.operations.get("GET", {}).get("tags", ()):
            yield Route(f"{endpoint.path}/", _without_slash, methods=["GET"])


async def _without_slash(request: Request) -> Response:
    if not asks_for_page(request.scope):
        return not_found(request.scope)
    name, query = request.scope["path"].split("/")[-2], request.url.query
    return see_other(f"../{name}?{query}" if query else f"../{name}")
