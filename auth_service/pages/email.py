"""GET and POST /email: a person enters another e-mail address, which an administrator confirms."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.own_email import OwnEmail
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.descriptions.email import OPERATIONS
from auth_service.pages.posted_forms import PostedForm, posted_form, refusal_of
from auth_service.pages.presence import Presence
from auth_service.protocol.email_addresses import MAX_LENGTH
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
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
        posted = await posted_form(self.context, request, session)
        who = {"subject": user.subject, "username": encoded(user.username), "origin": posted.network}

        async def form_again(error: NotDoneError) -> Response:
            return self._form(posted.browser, user, wrong=error.message, status=error.status)

        refusal = await refusal_of(
            request, self._change(posted, user), form_again, event="e-mail address not changed", **who
        )
        if refusal is not None:
            return refusal
        _log.warning("unproven e-mail address changed", **who)
        return see_other("email")

    async def _change(self, posted: PostedForm, user: User) -> None:
        await self.presence.require(posted, user)
        address = "" if posted.fields.get("action") == "remove" else posted.fields.get("email") or ""
        recorded = self.context.account_events.before(
            AccountAction.EMAIL_CHANGED,
            user.subject,
            session=posted.session.session_id,
            network=posted.network,
        )
        try:
            await self.own_email.enter(user, address.strip() or None, network=posted.network, before=recorded)
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
