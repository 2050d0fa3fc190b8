"""GET and POST /email: a person enters another e-mail address, which an administrator confirms."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from auth_service.accounts.own_email import OwnEmail
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.email import OPERATIONS
from auth_service.pages.presence import PostedForm, Presence
from auth_service.protocol.email_addresses import MAX_LENGTH
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User
from auth_service.users.sessions import Session
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


@dataclass(frozen=True, kw_only=True)
class EmailPage:
    """Shows the proven and the unproven address, and accepts another unproven one after the password."""

    context: PageContext
    own_email: OwnEmail
    presence: Presence

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        users = self.own_email.accounts.users
        user = await users.by_subject(session.subject) if session else None
        if session is None or user is None or browser.browser_id is None:
            return see_other("login?to=email")
        if request.method == "POST":
            return await self._submit(request, session, user)
        return self._form(browser, user)

    def _form(self, browser: Browser, user: User, *, wrong: str = "", status: int = 200) -> Response:
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "username": user.username,
            "has_password": bool(user.password_hash),
            "email": user.email,
            "unproven_email": user.unproven_email,
            "max_length": MAX_LENGTH,
            "wrong": wrong,
        }
        return self.context.templates.render("email.html", context, status=status)

    async def _submit(self, request: Request, session: Session, user: User) -> Response:
        form, browser = await trusted_form(self.context.browsers, request)
        await submission_of(request).begin()
        network = self.context.networks.network_of(request)
        who = {"subject": user.subject, "username": encoded(user.username), "origin": network}
        try:
            posted = PostedForm(form, browser, session, network)
            await while_connected(request, self._change(posted, user))
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except NotDoneError as error:
            page = self._form(browser, user, wrong=error.message, status=error.status)
            return not_done(page, error, "e-mail address not changed", **who)
        _log.warning("unproven e-mail address changed", **who)
        return see_other("email")

    async def _change(self, posted: PostedForm, user: User) -> None:
        await self.presence.require(posted, user)
        address = "" if posted.fields.get("action") == "remove" else posted.fields.get("email") or ""
        try:
            await self.own_email.enter(user, address.strip() or None, network=posted.network)
        except ValueError as error:
            message = Text("This address cannot be used: %(reason)s.", reason=message_of(error))
            raise NotDoneError(message, 400, Reason.EMAIL_NOT_CHANGED) from error

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/email",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )
