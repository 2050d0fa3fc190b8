"""GET and POST /password: changes the password; ends sessions and grants that others may have begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.connected_identities import NotDisconnectedError
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.secrets import digest
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import CurrentPassword, NotDoneError
from auth_service.pages.descriptions.password import OPERATIONS, WELL_KNOWN
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.login_methods import recent_factors
from auth_service.pages.one_time_link import new_password
from auth_service.pages.posted_forms import PostedForm, posted_form, refusal_of
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import parse_parameters
from auth_service.protocol.password_rules import MAX_LENGTH, MIN_LENGTH
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import NoSuchUserError, PasswordReplacedError, User
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text, message_of
from shared.well_known import CHANGE_PASSWORD

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class PasswordPage:
    """Accepts the current password and a new one; says before and after which connections end."""

    accounts: AccountLifecycle
    context: PageContext
    current_password: CurrentPassword
    providers: Sequence[IdentityProvider] = ()

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other("login?to=password")
        if request.method == "POST":
            return await self._submit(request, session)
        if parse_parameters(request.scope["query_string"]).get("changed") == _changed_mark(session):
            factors = await self.accounts.factors.of(session.subject)
            context = {"factors": recent_factors(factors, int(self.accounts.factors.now()))}
            return self.context.templates.render("password_changed.html", context)
        return await self._form(browser, session)

    async def _form(
        self, browser: Browser, session: Session, *, wrong: str = "", status: int = 200
    ) -> Response:
        identities = await self.accounts.connected.identities.of_subject(session.subject)
        context = {
            "identities": shown_identities(identities, self.providers),
            "csrf": self.context.browsers.form_token(browser),
            "username": session.username,
            "wrong": wrong,
            "min_length": MIN_LENGTH,
            "max_length": MAX_LENGTH,
        }
        return self.context.templates.render("password.html", context, status=status)

    async def _submit(self, request: Request, session: Session) -> Response:
        posted = await posted_form(self.context, request, session)
        who = {"subject": session.subject, "username": encoded(session.username), "origin": posted.network}

        async def form_again(error: NotDoneError) -> Response:
            if error.status == 409:
                submission_of(request).give_way()
            return await self._form(posted.browser, session, wrong=error.message, status=error.status)

        refusal = await refusal_of(
            request, self._change(posted), form_again, event="password not changed", **who
        )
        if refusal is not None:
            return refusal
        _log.warning("password changed", **who)
        return see_other(f"password?changed={_changed_mark(session)}")

    async def _change(self, posted: PostedForm) -> None:
        form, session, origin = posted.fields, posted.session, posted.network
        new = new_password(form, mismatch=Text("The two new passwords are not the same."))
        user = await self.current_password.require(form, posted.browser, session, origin)
        recorded = self.context.account_events.before(
            AccountAction.PASSWORD_CHANGED, user.subject, session=session.session_id, network=origin
        )
        try:
            await self.accounts.set_password(
                user, new, session=session, only_unchanged=True, before=recorded, network=origin
            )
        except ValueError as error:
            message = Text("The new password cannot be used: %(reason)s.", reason=message_of(error))
            raise NotDoneError(message, 400, Reason.PASSWORD_NOT_CHANGED) from error
        except (NoSuchUserError, PasswordReplacedError) as error:
            message = Text("The password was changed by somebody else just now.")
            raise NotDoneError(message, 409, Reason.PASSWORD_NOT_CHANGED) from error
        if form.get("disconnect_identities") is not None:
            await self._disconnect_identities(user, session)

    async def _disconnect_identities(self, user: User, session: Session) -> None:
        try:
            await self.accounts.connected.disconnect_all(user, spared=session)
        except NotDisconnectedError as error:
            reason = message_of(error)
            message = Text(
                "The password was changed, but nothing was disconnected: %(reason)s.", reason=reason
            )
            raise NotDoneError(message, 409, Reason.IDENTITY_NOT_DISCONNECTED) from error

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/password",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def well_known_endpoint(issuer: str) -> Endpoint:
    """Redirect password managers to the page (W3C, A Well-Known URL for Changing Passwords)."""

    async def redirect(request: Request) -> Response:
        return see_other(f"{issuer}/password")

    return Endpoint(
        path=CHANGE_PASSWORD, handler=redirect, methods=("GET", "HEAD"), operations={"GET": WELL_KNOWN}
    )


def _changed_mark(session: Session) -> str:
    """Return a mark for a link that only this server can create, so that no other page can fake a change."""
    return digest(f"password changed {session.key}")
