"""The root of a service: a page for people; programs get 404."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.asgi import asks_for_page, not_found
from shared.languages import in_language, language_of


def home_route(page: Callable[[], Response]) -> Route:
    """Return the route for ``/``."""
    return Route("/", _Home(page))


class _Home:
    """An ASGI application, not a handler, so that it also answers methods other than GET and HEAD."""

    def __init__(self, page: Callable[[], Response]) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> ASGIApp:
        if scope["method"] not in ("GET", "HEAD") or not asks_for_page(scope):
            return not_found(scope)
        with in_language(language_of(scope)):
            page = self._page()
        page.headers["Vary"] = "Accept"
        page.headers.append("Vary", "Accept-Language")
        return page
