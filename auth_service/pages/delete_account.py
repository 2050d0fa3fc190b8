"""GET and POST /delete-account: a person deletes their own account."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.secrets import digest
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.descriptions.delete_account import OPERATIONS
from auth_service.pages.posted_forms import PostedForm, posted_form, refusal_of
from auth_service.pages.presence import Presence
from auth_service.protocol.parameters import parse_parameters
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
from shared.texts import Text

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class DeleteAccountPage:
    """Explains the consequences, and deletes the account after the password was entered again."""

    context: PageContext
    accounts: AccountLifecycle
    presence: Presence

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        mark = parse_parameters(request.scope["query_string"]).get("deleted")
        if browser.browser_id and mark == _deleted_mark(browser):
            return self.context.templates.render("account_deleted.html", {})
        if session is None or browser.browser_id is None:
            return see_other("login?to=delete-account")
        user = await self.accounts.users.by_subject(session.subject)
        if user is None:
            return see_other("login?to=delete-account")
        if request.method == "POST":
            return await self._submit(request, session, user)
        return self._form(browser, user)

    def _form(self, browser: Browser, user: User, *, wrong: str = "", status: int = 200) -> Response:
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "username": user.username,
            "has_password": bool(user.password_hash),
            "is_administrator": user.admin,
            "wrong": wrong,
        }
        return self.context.templates.render("delete_account.html", context, status=status)

    async def _submit(self, request: Request, session: Session, user: User) -> Response:
        posted = await posted_form(self.context, request, session)
        who = {"subject": user.subject, "username": encoded(user.username), "origin": posted.network}

        async def form_again(error: NotDoneError) -> Response:
            return self._form(posted.browser, user, wrong=error.message, status=error.status)

        refusal = await refusal_of(
            request, self._delete(posted, user), form_again, event="account not deleted", **who
        )
        if refusal is not None:
            return refusal
        _log.warning("account deleted", by="user", **who)
        return see_other(f"delete-account?deleted={_deleted_mark(posted.browser)}")

    async def _delete(self, posted: PostedForm, user: User) -> None:
        if user.admin:
            # At least one administrator must remain.
            raise NotDoneError(
                Text("An administrator cannot delete their own account. Another administrator can."),
                403,
                Reason.CANNOT_DISABLE_YOURSELF,
            )
        await self.presence.require(posted, user)
        await self.context.account_events.record(
            AccountAction.DELETED, user.subject, session=posted.session.session_id, network=posted.network
        )
        await self.accounts.delete(user)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/delete-account",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _deleted_mark(browser: Browser) -> str:
    """Return a mark for a link that only this server can create: no other page can fake a deletion."""
    return digest(f"account deleted {browser.browser_id}")
