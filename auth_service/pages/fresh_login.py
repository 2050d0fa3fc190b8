"""Requires a login of the last minutes, with the second factor if any, to change the ways to log in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.journal.account_events import AccountAction, BeforeWrite
from auth_service.pages.login import after_login, destination
from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.factors import Factors
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import User
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, trusted_form
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.submissions import submission_of
from shared.clock import Clock

RECENT_S = 600
"""The maximum age of the login, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of a person who may change how they log in.

    Attributes:
        form: the posted form, or the query.
        pending_id: the authorization request that waits for a second factor.
        to: the page that waits for the second factor, by its name in `pages.login`.
        network: the network of the request.
    """

    browser: Browser
    session: Session
    user: User
    factors: Factors
    form: Parameters
    pending_id: str | None
    to: str | None
    network: str

    def recorded(self, context: PageContext, action: AccountAction, *methods: str) -> BeforeWrite:
        """Return a function that records a change of the login methods.

        Args:
            methods: the methods that change, as in `amr` (RFC 8176).
        """
        about = {"session": self.session.session_id, "network": self.network}
        return context.account_events.before(
            action, self.user.subject, **about, methods=list(methods) or None
        )

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields of a form, which name the waiting request and page."""
        named = (("pending", self.pending_id), ("to", self.to))
        return {name: value for name, value in named if value}

    @property
    def onward(self) -> str:
        """The page that follows a change."""
        if self.pending_id:
            return f"authorize?pending={self.pending_id}"
        return after_login(self.to) if self.to else "login-methods"


@dataclass(frozen=True, kw_only=True)
class FreshLogin:
    """Admits people who have just logged in; redirects all others to the login.

    Attributes:
        silent_providers: the ids of the identity providers that never say when people authenticated.
    """

    context: PageContext
    factors: FactorRepository
    login_sessions: LoginSessions
    pending: PendingRequests
    silent_providers: frozenset[str]
    clock: Clock

    async def visit(self, request: Request, *, changes: bool = True) -> Visit | Response:
        """Return the visit, or a redirect to the login.

        Args:
            changes: False for a page that changes nothing.
        """
        form, browser, session = await self._posted_or_asked(request)
        pending_id = form.get("pending")
        if pending_id and await self.pending.get(pending_id, browser.browser_id) is None:
            raise RequestOverError
        user = await self.login_sessions.users.by_subject(session.subject) if session else None
        on = {"pending": pending_id} if pending_id else {"to": destination(form) or "login-methods"}
        if session is None or user is None:
            return see_other(f"login?{urlencode(on)}")
        factors = await self.factors.of(user.subject)
        changes = changes and not await self._is_repeated(request, factors)
        if changes and self.clock() >= session.auth_time + RECENT_S:
            return see_other(f"login?{urlencode(on)}")
        # A session from before the second factor was added must not be able to remove it.
        if changes and factors.count and session.acr != ACR_MFA:
            return see_other(f"second-factor?{urlencode(on)}")
        if changes and not self._is_proven(session, user, waits=pending_id is not None):
            return see_other(f"login?{urlencode(on)}")
        return Visit(
            browser=browser,
            session=session,
            user=user,
            factors=factors,
            form=form,
            pending_id=pending_id,
            to=destination(form),
            network=self.context.networks.network_of(request),
        )

    def _is_proven(self, session: Session, user: User, *, waits: bool) -> bool:
        """Whether the login is known to be a fresh one, or nothing better can be demanded of this account.

        Some providers do not say when they authenticated the person: the login may be the work of somebody
        at an unlocked screen. The password or the second factor proves more, if the account has one.

        Args:
            waits: whether an authorization request waits for a second factor to be set up.
        """
        if session.auth_time_known or session.acr == ACR_MFA:
            return True
        return not user.password_hash and (waits or session.provider_id in self.silent_providers)

    @staticmethod
    async def _is_repeated(request: Request, factors: Factors) -> bool:
        """Whether the form was submitted twice, and the first submission has changed the factors."""
        return request.method == "POST" and factors.accepted == await submission_of(request).mark()

    async def _posted_or_asked(self, request: Request) -> tuple[Parameters, Browser, Session | None]:
        browser, session = await self.context.visitor(request)
        if request.method != "POST":
            return parse_parameters(request.scope["query_string"]), browser, session
        form, browser = await trusted_form(self.context.browsers, request)
        submission = submission_of(request)
        if session is None:
            # The form was submitted twice, and the first submission has continued the session.
            session = await self.login_sessions.begun_by(submission, browser)
        return form, browser, session
