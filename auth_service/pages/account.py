"""GET and POST /account: a person's account, in sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.secrets import digest
from auth_service.federation.identities import IdentityRepository
from auth_service.pages.account_sections import AccountSection
from auth_service.pages.descriptions.account import OPERATIONS
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.login_methods import shown_notices
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.factors import FactorRepository
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.clock import Clock


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """Shows the sections of the account, and performs their actions after a confirmation."""

    context: PageContext
    sections: Sequence[AccountSection]
    factors: FactorRepository
    clock: Clock
    identities: IdentityRepository
    providers: Sequence[IdentityProvider] = ()

    async def handle(self, request: Request) -> Response:
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other("login")
        if request.method == "POST":
            return await self._submit(request, session)
        query = parse_parameters(request.scope["query_string"])
        if query.get("action") is not None:
            return await self._confirm(session, query, browser)
        return await self._show(session, query, browser)

    async def _show(self, session: Session, query: Parameters, browser: Browser) -> Response:
        context: dict[str, object] = {
            "csrf": self.context.browsers.form_token(browser),
            "username": session.username,
            "subject": session.subject,
            "identities": shown_identities(await self.identities.of_subject(session.subject), self.providers),
            "providers": self.providers,
            "notices": shown_notices(await self.factors.of(session.subject), int(self.clock())),
            "done": self._message(query.get("done"), browser),
        }
        for section in self.sections:
            context |= await section.context(session, query)
        return self.context.templates.render("account.html", context)

    async def _confirm(self, session: Session, query: Parameters, browser: Browser) -> Response:
        confirmation = await self._section_of(query).confirmation(session, query)
        if confirmation is None:
            return see_other("account")
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "username": session.username,
            "confirmation": confirmation,
        }
        return self.context.templates.render("account_confirm.html", context)

    async def _submit(self, request: Request, session: Session) -> Response:
        form, browser = await trusted_form(self.context.browsers, request)
        section = self._section_of(form)
        submission = submission_of(request)
        await submission.begin()
        if (first := await submission.first_response()) is not None:
            return first  # pressed twice: the action is performed and recorded once
        done = await section.act(session, form)
        response = see_other(f"account?done={_mark(done.message, browser)}")
        response.background = done.then
        return response

    def _section_of(self, parameters: Parameters) -> AccountSection:
        action = parameters.require("action")
        for section in self.sections:
            if action in section.actions:
                return section
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action is not one of the account page")

    def _message(self, mark: str | None, browser: Browser) -> str | None:
        messages = {key: text for section in self.sections for key, text in section.messages.items()}
        return next((text for key, text in messages.items() if mark == _mark(key, browser)), None)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/account",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _mark(message: str, browser: Browser) -> str:
    """Return a mark for a link that only this server can create: no other page can fake a message."""
    return digest(f"account {message} {browser.browser_id}")
