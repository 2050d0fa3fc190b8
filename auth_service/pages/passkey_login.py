"""GET and POST /passkey-login: login with only a passkey, also from the autofill of the login page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.crypto.passkeys import PasskeyError
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.second_factor import PASSKEY_LOGIN
from auth_service.pages.login import after_login, destination
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import RequestSource
from auth_service.protocol.second_factor import BY_PASSKEY
from auth_service.rate_limits import Throttle
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.users.repository import User
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.login_sessions import BegunSession, LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import Submission, submission_of
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_WRONG = Text("This passkey cannot be used to log in here. Try again, or log in with your password.")


@dataclass(frozen=True, kw_only=True)
class PasskeyLoginPage:
    """Logs in the owner of a passkey, if the authenticator has verified the person."""

    context: PageContext
    passkeys: PasskeyCheck
    login_sessions: LoginSessions
    pending: PendingRequests
    throttle: Throttle
    clock: Clock

    async def handle(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._submit(request)
        query = parse_parameters(request.scope["query_string"])
        return await self._form(query, self.context.browsers.browser_of(request))

    async def _form(
        self, fields: Parameters, browser: Browser, *, wrong: str = "", status: int = 200
    ) -> Response:
        browser, cookies = self.context.browsers.with_secret(browser)
        pending_id, to = fields.get("pending"), destination(fields)
        if pending_id and await self.pending.get(pending_id, browser.browser_id) is None:
            raise RequestOverError
        named = {name: value for name, value in (("pending", pending_id), ("to", to)) if value}
        context = {
            "csrf": self.context.browsers.form_token(browser, logs_in=True),
            "options": self.passkeys.login_options(browser.browser_id or ""),
            "fields": named,
            "on": f"?{urlencode(named)}" if named else "",
            "wrong": wrong,
        }
        return self.context.templates.render("passkey_login.html", context, status=status, cookies=cookies)

    async def _submit(self, request: Request) -> Response:
        form, browser = await trusted_form(self.context.browsers, request, logs_in=True)
        network, submission = self.context.networks.network_of(request), submission_of(request)
        await self.pending.join_trace(form.get("pending"), browser.browser_id)
        await self.throttle.attempt(network)
        try:
            user = await self._user(form, browser, submission)
            begun = await self._begin(submission, browser, user, self.context.source_of(request))
        except NotDoneError as error:
            page = await self._form(form, browser, wrong=error.message, status=error.status)
            return not_done(page, error, "login failed", origin=network)
        who = {"subject": user.subject, "username": encoded(user.username), "origin": network}
        _log.info("login", method="passkey", session_id=begun.session.session_id, **who)
        pending_id = form.get("pending")
        if pending_id and await self.pending.get(pending_id, browser.browser_id):
            await self.pending.note_login(pending_id, begun.session.session_id)
            return see_other(f"authorize?pending={pending_id}", begun.cookies)
        return see_other(after_login(destination(form)), begun.cookies)

    async def _user(self, form: Parameters, browser: Browser, submission: Submission) -> User:
        response = form.get("credential") or ""
        try:
            subject = await self.passkeys.accepts(
                response,
                None,
                browser_secret=browser.browser_id or "",
                mark=await submission.mark(),
                now=self.clock(),
            )
        except PasskeyError as error:
            _log.info("passkey not valid", reason=str(error))
            raise NotDoneError(_WRONG, 401, Reason.SECOND_FACTOR_WRONG) from error
        user = await self.login_sessions.users.by_subject(subject)
        if user is None or user.disabled or not await self.passkeys.still_has(subject, response):
            raise NotDoneError(_WRONG, 401, Reason.LOGIN_FAILED)
        return user

    async def _begin(
        self, submission: Submission, browser: Browser, user: User, source: RequestSource
    ) -> BegunSession:
        current = await self.login_sessions.continued(browser, user)
        secret = await self.login_sessions.secret_for(submission, browser, current, once=True)
        begun = await self.login_sessions.begin_with(
            browser, user, secret, continues=current, amr=BY_PASSKEY, source=source
        )
        if begun is None:
            raise NotDoneError(_WRONG, 401, Reason.LOGIN_FAILED)
        return begun

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/passkey-login",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=PASSKEY_LOGIN,
        )
