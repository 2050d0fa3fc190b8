"""GET /logged-out: people come back from the logout page of their identity provider."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.federation.logout_returns import LogoutReturns
from auth_service.pages.descriptions.logout import COME_BACK
from auth_service.protocol.parameters import parse_parameters
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint


@dataclass(frozen=True, kw_only=True)
class LoggedOutPage:
    """Sends a browser on to the client that began the logout; any other browser sees that it is over."""

    context: PageContext
    returns: LogoutReturns

    async def handle(self, request: Request) -> Response:
        state = parse_parameters(request.scope["query_string"]).get("state")
        browser = self.context.browsers.browser_of(request)
        left = await self.returns.take(state, browser.browser_id)
        if left is not None and left.location is not None:
            return see_other(left.location)
        # The page must not say so to somebody who is logged in: anybody can link to it.
        if await self.context.sessions.find(browser.session) is not None:
            return see_other("account")
        return self.context.templates.render("logged_out.html", {"provider": None})

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/logged-out",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET",),
            operations={"GET": COME_BACK},
        )
