"""GET and POST /set-password: a person sets the password by a one-time link (ID-6)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from auth_service.accounts.account_links import AccountLinks, LinkOverError
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.set_password import OPERATIONS
from auth_service.pages.one_time_link import done_mark, kept_from_referers, link_over, new_password
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.password_rules import MAX_LENGTH, MIN_LENGTH
from auth_service.protocol.reasons import Reason
from auth_service.rate_limits import Throttle
from auth_service.users.repository import NoSuchUserError, User
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.http import while_connected
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text, message_of

_log = get_logger(__name__)
_EVENT = "password set"


@dataclass(frozen=True, kw_only=True)
class SetPasswordPage:
    """Accepts a new password from the holder of a link; shows the same page for every invalid link."""

    context: PageContext
    links: AccountLinks
    throttle: Throttle

    async def handle(self, request: Request) -> Response:
        response = await (self._submit(request) if request.method == "POST" else self._show(request))
        return kept_from_referers(response)

    async def _show(self, request: Request) -> Response:
        browser, cookies = self.context.browsers.with_secret(self.context.browsers.browser_of(request))
        query = parse_parameters(request.scope["query_string"])
        if query.get("done") == done_mark(_EVENT, browser):
            return self.context.templates.render("password_set.html", {})
        try:
            user = await self._user_of(query.get("link"), request)
        except LinkOverError:
            return self._over(request)
        return self._form(browser, user, query.require("link"), cookies=cookies)

    async def _user_of(self, link: str | None, request: Request) -> User:
        """Return the account of a link; attempts with invalid links are limited.

        Raises:
            LinkOverError: the link is not valid.
            SlowDownError: too many attempts were made with invalid links.
        """
        network = self.context.networks.network_of(request)
        await self.throttle.attempt(network)
        user = await self.links.find(link)
        await self.throttle.refund(network)
        return user

    def _form(
        self,
        browser: Browser,
        user: User,
        link: str,
        *,
        wrong: str = "",
        status: int = 200,
        cookies: tuple[str, ...] = (),
    ) -> Response:
        context = {
            "csrf": self.context.browsers.form_token(browser, logs_in=True),
            "link": link,
            "username": user.username,
            "invited": user.invited,
            "wrong": wrong,
            "min_length": MIN_LENGTH,
            "max_length": MAX_LENGTH,
        }
        return self.context.templates.render("set_password.html", context, status=status, cookies=cookies)

    def _over(self, request: Request) -> Response:
        return link_over(self.context, request, "password not set", reason="the link is not valid")

    async def _submit(self, request: Request) -> Response:
        form, browser = await trusted_form(self.context.browsers, request, logs_in=True)
        link = form.require("link")
        await submission_of(request).begin()
        try:
            user = await self._user_of(link, request)
            return await self._set(request, form, browser, user)
        except LinkOverError:
            submission_of(request).give_way()
            return self._over(request)

    async def _set(self, request: Request, form: Parameters, browser: Browser, user: User) -> Response:
        origin, link = self.context.networks.network_of(request), form.require("link")
        who = {"subject": user.subject, "username": encoded(user.username), "origin": origin}
        try:
            await while_connected(request, self._redeem(form, link, user, origin))
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except NotDoneError as error:
            page = self._form(browser, user, link, wrong=error.message, status=error.status)
            return not_done(page, error, "password not set", **who)
        _log.warning("password set by link", **who)
        return see_other(f"set-password?done={done_mark(_EVENT, browser)}")

    async def _redeem(self, form: Parameters, link: str, user: User, origin: str) -> None:
        new = new_password(form)
        recorded = self.context.account_events.before(
            AccountAction.PASSWORD_SET_BY_LINK, user.subject, network=origin
        )
        try:
            await self.links.redeem(link, new, before=recorded)
        except NoSuchUserError as error:
            raise LinkOverError from error
        except ValueError as error:
            message = Text("The password cannot be used: %(reason)s.", reason=message_of(error))
            raise NotDoneError(message, 400, Reason.PASSWORD_NOT_CHANGED) from error

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/set-password",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )
