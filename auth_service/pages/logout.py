"""GET and POST /logout: a client or the person ends a session."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.logout import Logout
from auth_service.authorize.hints import Hint, IdTokenHints
from auth_service.clients.repository import ClientRepository
from auth_service.federation.end_session import ProviderEndSession, ProviderLogoutLink
from auth_service.journal.account_events import AccountAction
from auth_service.pages.descriptions.logout import OPERATIONS
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.logout import Destination, destination
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import is_own_form, shows_errors
from auth_service.web.http import form_of
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of

_ASKED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True, kw_only=True)
class LogoutPage:
    """Logs out the user named by a client's ID token; without one, the person must confirm (§2)."""

    logout: Logout
    context: PageContext
    clients: ClientRepository
    hints: IdTokenHints
    end_session: ProviderEndSession | None = None

    async def handle(self, request: Request) -> Response:
        posted = request.method == "POST"
        parameters = await form_of(request) if posted else parse_parameters(request.scope["query_string"])
        hint = await self._hint(parameters)
        goal = await self._destination(parameters, hint)
        browser = self.context.browsers.browser_of(request)
        if posted and browser.session is None and (query := _as_query(parameters)):
            return see_other(f"logout?{query}")
        session = await self.context.session_of(request, browser)
        if session is None:
            # Without a hint, nothing proves that the client has ever dealt with this person (§3). Anybody can
            # register a client: a client_id alone must not make this server redirect to its URL.
            return self._done(goal if hint else None)
        confirmed = posted and is_own_form(self.context.browsers, request, parameters)
        if confirmed:
            await submission_of(request).begin()
        if confirmed or (hint is not None and hint.subject == session.subject):
            return await self._end(browser, session, goal)
        return self._ask(browser, session, parameters)

    async def _hint(self, parameters: Parameters) -> Hint | None:
        token = parameters.get("id_token_hint")
        hint = await self.hints.verify_hint(token) if token else None
        client_id = parameters.get("client_id")
        if hint and client_id not in (None, hint.client_id):
            raise InvalidRequestError(
                Reason.ID_TOKEN_HINT_INVALID, "id_token_hint was issued to another client"
            )
        return hint

    async def _destination(self, parameters: Parameters, hint: Hint | None) -> Destination | None:
        client_id = hint.client_id if hint else parameters.get("client_id")
        client = await self.clients.get(client_id) if client_id else None
        return destination(client, parameters.get("post_logout_redirect_uri"), parameters.get("state"))

    def _ask(self, browser: Browser, session: Session, parameters: Parameters) -> Response:
        browser, cookies = self.context.browsers.with_secret(browser)
        provider = self.end_session.provider_that_ends(session) if self.end_session else None
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "username": session.username,
            "provider": provider.label if provider else None,
            "asked": {name: value for name in _ASKED if (value := parameters.get(name))},
        }
        return self.context.templates.render("logout.html", context, cookies=cookies)

    async def _end(self, browser: Browser, session: Session, goal: Destination | None) -> Response:
        await self.context.account_events.record(
            AccountAction.LOGGED_OUT, session.subject, session=session.session_id
        )
        to_tell = await self.logout.end_session(browser.session, session)
        ended = self.context.browsers.cookie(self.context.browsers.names.session, "", max_age_s=0)
        away, kept = await self._away(browser, session, goal)
        response = see_other(away, (ended, *kept)) if away else await self._stay(session, goal, ended)
        response.background = BackgroundTask(self.logout.notify_clients, to_tell, session)
        return response

    async def _away(
        self, browser: Browser, session: Session, goal: Destination | None
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return the provider's logout page, and the cookies with which the browser comes back from there."""
        if self.end_session is None or self.end_session.provider_that_ends(session) is None:
            return None, ()
        browser, cookies = self.context.browsers.with_secret(browser)
        location = goal.location if goal else None
        return await self.end_session.leave(session, browser.browser_id or "", location), cookies

    async def _stay(self, session: Session, goal: Destination | None, cookie: str) -> Response:
        link = await self.end_session.link_for(session) if self.end_session and goal is None else None
        return self._done(goal, (cookie,), link)

    def _done(
        self,
        goal: Destination | None,
        cookies: tuple[str, ...] = (),
        link: ProviderLogoutLink | None = None,
    ) -> Response:
        if goal is not None:
            return see_other(goal.location, cookies)
        return self.context.templates.render("logged_out.html", {"provider": link}, cookies=cookies)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/logout",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _as_query(parameters: Parameters) -> str:
    # SameSite=Lax keeps our cookies from a form posted by a client's page (RP-Initiated Logout §2 allows
    # POST); the GET after a redirect has them.
    return urlencode({name: value for name in _ASKED if (value := parameters.get(name))})
