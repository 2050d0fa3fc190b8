"""GET and POST /login."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.clients.repository import ClientRepository
from auth_service.pages.descriptions.login import login_operations
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import RequestSource
from auth_service.protocol.second_factor import BY_PASSWORD
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.users.password_check import PasswordCheck
from auth_service.users.repository import User, UserRepository
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.http import wait_sentence, while_connected
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.second_steps import FirstFactor, SecondSteps
from auth_service.web.submissions import Submission, submission_of
from shared.asgi.noted_reason import note_reason
from shared.encoded_text import encoded
from shared.fair_queue import QueueFullError
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_BUSY_S = 10
_BUSY = Text("Many people are logging in right now. Try again in a few seconds.")
_WRONG = Text("The username or the password is wrong.")
_AFTER = {
    "account": "account",
    "admin": "admin/software",
    "password": "password",
    "delete-account": "delete-account",
    "email": "email",
    "login-methods": "login-methods",
    "disconnect-identity": "account",
}
"""The destinations of a login without a pending request, by the name in `to`; otherwise the account page."""

_LINK = re.compile(r"(?:connect|approve)/[A-Za-z0-9_-]{22}")
"""A link for connecting an account is a destination, too."""

LOGIN_METHODS = "login-methods"
PROVEN_BY_LOGIN = frozenset({"delete-account", "disconnect-identity", "email"})
"""The destinations at which a fresh login proves presence for an account without a password."""


@dataclass(frozen=True, kw_only=True)
class LoginPage:
    """Logs a person in, for a pending request or for the account page."""

    users: UserRepository
    login_sessions: LoginSessions
    context: PageContext
    clients: ClientRepository
    pending: PendingRequests
    check: PasswordCheck
    second_steps: SecondSteps
    passkeys: PasskeyCheck
    providers: Sequence[IdentityProvider] = ()

    async def handle(self, request: Request) -> Response:
        return await (self._submit(request) if request.method == "POST" else self._show(request))

    async def _show(self, request: Request) -> Response:
        query = parse_parameters(request.scope["query_string"])
        pending_id = query.get("pending")
        browser = self.context.browsers.browser_of(request)
        pending = await self.pending.get(pending_id, browser.browser_id)
        if pending_id and pending is None:
            raise RequestOverError
        if pending is not None and pending.outcome is not None:
            return see_other(f"authorize?pending={pending_id}")
        return await self._form(browser, pending_id=pending_id, to=destination(query))

    async def _form(
        self,
        browser: Browser,
        *,
        pending_id: str | None,
        username: str = "",
        wrong: str = "",
        status: int = 200,
        to: str | None,
    ) -> Response:
        browser, cookies = self.context.browsers.with_secret(browser)
        pending = await self.pending.get(pending_id, browser.browser_id)
        client = await self.clients.get(pending.request.client_id) if pending else None
        fields = {name: value for name, value in (("pending", pending_id), ("to", to)) if value}
        again = to == LOGIN_METHODS and await self.context.sessions.find(browser.session) is not None
        hint = (pending.request.login_hint if pending else None) or ""
        return self.context.templates.render(
            "login.html",
            {
                "csrf": self.context.browsers.form_token(browser, logs_in=True),
                "pending": pending_id,
                "to": to,
                "client_name": client.name if client else None,
                "username": username or hint,
                "wrong": wrong,
                "again": again,
                "providers": self.providers,
                "passkey_options": self.passkeys.login_options(browser.browser_id or ""),
                "passkey_fields": fields,
                "passkey_on": f"?{urlencode(fields)}" if fields else "",
            },
            status=status,
            cookies=cookies,
        )

    async def _submit(self, request: Request) -> Response:
        form, browser = await trusted_form(self.context.browsers, request, logs_in=True)
        pending_id, username, to = form.get("pending"), form.get("username") or "", destination(form)
        if form.get("cancel") is not None:
            return await self._cancel(pending_id, browser)
        await self.pending.join_trace(pending_id, browser.browser_id)
        origin = self.context.networks.network_of(request)
        account = await self.users.get(username)
        known_browser = await self.context.known_browser(browser, account.subject if account else None)
        try:
            user = await while_connected(
                request,
                self.check.authenticate(
                    username, form.get("password") or "", network=origin, known_browser=known_browser
                ),
            )
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except QueueFullError:
            note_reason(request.scope, Reason.LOGIN_QUEUE_FULL)
            _log.warning(
                "login refused",
                reason="too many logins are waiting",
                reason_code=Reason.LOGIN_QUEUE_FULL.code,
                status=503,
                origin=origin,
            )
            response = await self._form(
                browser, pending_id=pending_id, username=username, wrong=_BUSY, status=503, to=to
            )
            response.headers["Retry-After"] = str(_BUSY_S)
            return response
        except SlowDownError as error:
            named = await self._account_named(username)
            note_reason(request.scope, Reason.LOGIN_FAILURES_EXCEEDED)
            _log.warning(
                "login refused",
                reason="too many failures",
                reason_code=Reason.LOGIN_FAILURES_EXCEEDED.code,
                status=429,
                origin=origin,
                **named,
            )
            response = await self._form(
                browser,
                pending_id=pending_id,
                username=username,
                wrong=wait_sentence(error),
                status=429,
                to=to,
            )
            response.headers["Retry-After"] = str(error.retry_after_s)
            return response
        if user is None:
            named = await self._account_named(username)
            note_reason(request.scope, Reason.LOGIN_FAILED)
            _log.info(
                "login failed",
                reason=_WRONG,
                reason_code=Reason.LOGIN_FAILED.code,
                status=401,
                origin=origin,
                **named,
            )
            return await self._form(
                browser, pending_id=pending_id, username=username, wrong=_WRONG, status=401, to=to
            )
        return await self._begin_session(
            submission_of(request),
            browser,
            pending_id=pending_id,
            user=user,
            to=to,
            source=self.context.source_of(request),
        )

    async def _cancel(self, pending_id: str | None, browser: Browser) -> Response:
        pending = await self.pending.get(pending_id, browser.browser_id)
        if pending_id is None or pending is None:
            raise RequestOverError
        await self.pending.note_cancelled(pending_id)
        _log.info("login cancelled", client_id=pending.request.client_id)
        return see_other(f"authorize?pending={pending_id}")

    async def _account_named(self, username: str) -> dict[str, str]:
        """Return the account of a failed login for the log, if it exists.

        Unknown names are not logged: people type their password into the username field.
        """
        user = await self.users.get(username)
        return {"subject": user.subject, "username": encoded(user.username)} if user else {}

    async def _begin_session(
        self,
        submission: Submission,
        browser: Browser,
        *,
        pending_id: str | None,
        user: User,
        to: str | None,
        source: RequestSource,
    ) -> Response:
        who = {"subject": user.subject, "username": encoded(user.username), "origin": source.network}
        if await self.second_steps.needs(user):
            _log.info("login waits for the second factor", **who)
            first = FirstFactor(pending_id=pending_id, to=to, amr=BY_PASSWORD)
            step_id = await submission.secret()
            return see_other(await self.second_steps.begin(step_id, browser.browser_id or "", user, first))
        current = await self.login_sessions.continued(browser, user)
        secret = await self.login_sessions.secret_for(submission, browser, current)
        begun = await self.login_sessions.begin_with(
            browser, user, secret, continues=current, amr=BY_PASSWORD, source=source
        )
        if begun is None:
            _log.info(
                "login failed",
                reason="the account was disabled or its password was changed during the login",
                reason_code=Reason.LOGIN_FAILED.code,
                status=401,
                **who,
            )
            return await self._form(
                browser, pending_id=pending_id, username=user.username, wrong=_WRONG, status=401, to=to
            )
        _log.info("login", method="password", session_id=begun.session.session_id, **who)
        if pending_id is None or await self.pending.get(pending_id, browser.browser_id) is None:
            return see_other(after_login(to), begun.cookies)
        await self.pending.note_login(pending_id, begun.session.session_id)
        return see_other(f"authorize?pending={pending_id}", begun.cookies)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/login",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=login_operations((*_AFTER, "connect/ID", "approve/ID")),
        )


def destination(parameters: Parameters) -> str | None:
    """Return the name of one of our pages; never a URL, which an attacker could choose."""
    to = parameters.get("to")
    return to if to is not None and (to in _AFTER or _LINK.fullmatch(to)) else None


def after_login(to: str | None) -> str:
    """Return the page of that name, or the account page."""
    return to if to is not None and _LINK.fullmatch(to) else _AFTER.get(to or "", "account")
