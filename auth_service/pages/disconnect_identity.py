"""GET and POST /disconnect-identity: a person disconnects an identity from their account (ID-7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.connected_identities import ConnectedIdentities, NotDisconnectedError
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.descriptions.disconnect_identity import OPERATIONS
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.posted_forms import PostedForm, posted_form, refusal_of
from auth_service.pages.presence import Presence
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import NoSuchUserError, User
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
class DisconnectIdentityPage:
    """Explains the consequences, and disconnects an identity after the owner has proven to be present."""

    context: PageContext
    connected: ConnectedIdentities
    presence: Presence
    providers: Sequence[IdentityProvider]

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        user = await self.connected.users.by_subject(session.subject) if session else None
        if session is None or user is None or browser.browser_id is None:
            return see_other("login?to=disconnect-identity")
        if request.method == "POST":
            return await self._submit(request, session, user)
        identity_id = parse_parameters(request.scope["query_string"]).get("identity")
        return await self._form(browser, user, identity_id or "")

    async def _form(
        self, browser: Browser, user: User, identity_id: str, *, wrong: str = "", status: int = 200
    ) -> Response:
        listed = shown_identities(await self.connected.of(user), self.providers)
        identity = next((each for each in listed if each.identity_id == identity_id), None)
        if identity is None:
            return see_other("account")
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "username": user.username,
            "has_password": bool(user.password_hash),
            "identity": identity,
            "wrong": wrong,
        }
        return self.context.templates.render("disconnect_identity.html", context, status=status)

    async def _submit(self, request: Request, session: Session, user: User) -> Response:
        posted = await posted_form(self.context, request, session)
        identity_id = posted.fields.require("identity")
        who = {"subject": user.subject, "username": encoded(user.username), "origin": posted.network}

        async def form_again(error: NotDoneError) -> Response:
            wrong, status = error.message, error.status
            return await self._form(posted.browser, user, identity_id, wrong=wrong, status=status)

        change = self._disconnect(posted, user, identity_id)
        refusal = await refusal_of(request, change, form_again, event="identity not disconnected", **who)
        if refusal is not None:
            return refusal
        _log.warning("identity disconnected", by="user", identity=identity_id, **who)
        return see_other("account")

    async def _disconnect(self, posted: PostedForm, user: User, identity_id: str) -> None:
        await self.presence.require(posted, user)
        configured = {provider.provider_id for provider in self.providers}
        try:
            await self.connected.disconnect(user, identity_id, spared=posted.session, providers=configured)
        except (NotDisconnectedError, NoSuchUserError) as error:
            message = Text("It was not disconnected: %(reason)s.", reason=message_of(error))
            raise NotDoneError(message, 409, Reason.IDENTITY_NOT_DISCONNECTED) from error
        # Afterwards: only the change itself finds out whether another way to log in remains.
        await self.context.account_events.record(
            AccountAction.IDENTITY_DISCONNECTED,
            user.subject,
            session=posted.session.session_id,
            network=posted.network,
            identity=identity_id,
        )

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/disconnect-identity",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )
