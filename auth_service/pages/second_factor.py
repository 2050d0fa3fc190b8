"""GET and POST /second-factor: the second step of a login, or of a request that requires one (RFC 9470)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.crypto.passkeys import PasskeyError
from auth_service.federation.identities import IdentityRepository
from auth_service.federation.provider_logout import ProviderSessions
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.second_factor import OPERATIONS
from auth_service.pages.login import after_login, destination
from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.factors import Factors
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import RequestSource
from auth_service.protocol.second_factor import BY_CODE, BY_PASSKEY, with_methods
from auth_service.users.code_check import CodeCheck
from auth_service.users.factors import FactorRepository
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.users.repository import User
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.http import form_of, wait_sentence
from auth_service.web.login_sessions import BegunSession, LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.second_steps import FirstFactor, SecondSteps
from auth_service.web.submissions import Submission, submission_of
from shared.asgi.noted_reason import note_reason
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_WRONG_PASSKEY = Text("The passkey was not accepted.")
_WRONG = Text("The code is wrong, has expired or was used before.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A person who has to pass the second factor.

    Attributes:
        session: the session to be continued; None if the login is not complete yet.
        fields: the hidden fields by which the form names the step.
    """

    user: User
    first: FirstFactor
    session: Session | None
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class SecondFactorPage:
    """Asks for the second factor, and begins or continues the session."""

    context: PageContext
    steps: SecondSteps
    factors: FactorRepository
    codes: CodeCheck
    passkeys: PasskeyCheck
    login_sessions: LoginSessions
    identities: IdentityRepository
    provider_sessions: ProviderSessions
    pending: PendingRequests
    clock: Clock

    async def handle(self, request: Request) -> Response:
        return await (self._submit(request) if request.method == "POST" else self._show(request))

    async def _show(self, request: Request) -> Response:
        query = parse_parameters(request.scope["query_string"])
        browser = self.context.browsers.browser_of(request)
        waiting = await self._waiting(query, browser)
        if waiting is None:
            return see_other("login")
        if waiting.session is not None and waiting.session.acr == ACR_MFA:
            return see_other(self._onward(waiting.first))
        return await self._form(browser, waiting)

    async def _waiting(self, fields: Parameters, browser: Browser) -> Waiting | None:
        """Return who has to pass the second factor; None if a login is needed first.

        Raises:
            RequestOverError: the login was begun by another browser, or too long ago.
        """
        step_id = fields.get("login")
        if step_id is None:
            return await self._in_session(fields, browser, await self.context.sessions.find(browser.session))
        step = await self.steps.find(step_id, browser.browser_id)
        if step is None:
            raise RequestOverError
        user, first = step
        await self.pending.join_trace(first.pending_id, browser.browser_id)
        return Waiting(user=user, first=first, session=None, fields={"login": step_id})

    async def _in_session(
        self, fields: Parameters, browser: Browser, session: Session | None
    ) -> Waiting | None:
        pending_id, to = fields.get("pending"), destination(fields)
        if pending_id and await self.pending.get(pending_id, browser.browser_id) is None:
            raise RequestOverError
        user = await self.login_sessions.users.by_subject(session.subject) if session else None
        if session is None or user is None:
            return None
        named = {"pending": pending_id, "to": to}
        return Waiting(
            user=user,
            first=FirstFactor(pending_id=pending_id, to=to),
            session=session,
            fields={name: value for name, value in named.items() if value},
        )

    async def _form(
        self, browser: Browser, waiting: Waiting, *, wrong: str = "", status: int = 200
    ) -> Response:
        factors = await self.factors.of(waiting.user.subject)
        template = "second_factor.html" if factors.count else "second_factor_missing.html"
        return self.context.templates.render(
            template, await self._context(browser, waiting, factors, wrong=wrong), status=status
        )

    async def _context(
        self, browser: Browser, waiting: Waiting, factors: Factors, *, wrong: str
    ) -> dict[str, object]:
        logs_in, subject = waiting.session is None, waiting.user.subject
        return {
            "options": await self.passkeys.second_factor_options(subject, browser.browser_id or ""),
            "passkeys_possible": self.passkeys.relying_party.possible,
            "csrf": self.context.browsers.form_token(browser, logs_in=logs_in),
            "cancel_csrf": self.context.browsers.form_token(browser, logs_in=True),
            "fields": waiting.fields,
            "pending": waiting.first.pending_id,
            "username": waiting.user.username,
            "app": factors.app is not None,
            "recovery": bool(factors.recovery_codes),
            "wrong": wrong,
        }

    async def _submit(self, request: Request) -> Response:
        logs_in = (await form_of(request)).get("login") is not None
        form, browser = await trusted_form(self.context.browsers, request, logs_in=logs_in)
        submission = submission_of(request)
        waiting = await self._waiting(form, browser)
        if waiting is None:
            # The form was submitted twice, and the first submission has continued the session.
            begun = await self.login_sessions.begun_by(submission, browser)
            waiting = await self._in_session(form, browser, begun)
        if waiting is None:
            return see_other("login")
        network = self.context.networks.network_of(request)
        who = {
            "subject": waiting.user.subject,
            "username": encoded(waiting.user.username),
            "origin": network,
        }
        try:
            added = await self._passed(form, browser, waiting, submission, network=network)
        except NotDoneError as error:
            page = await self._form(browser, waiting, wrong=error.message, status=error.status)
            note_reason(request.scope, error.reason)
            return not_done(page, error, "second factor refused", **who)
        source = self.context.source_of(request)
        begun_session = await self._begin(submission, browser, waiting, added, source=source)
        if begun_session is None:
            raise RequestOverError
        _log.info("login", method="second factor", session_id=begun_session.session.session_id, **who)
        return await self._go_on(browser, waiting, begun_session)

    async def _passed(
        self, form: Parameters, browser: Browser, waiting: Waiting, submission: Submission, *, network: str
    ) -> tuple[str, ...]:
        """Return the methods that the second factor adds.

        Raises:
            NotDoneError: the second factor is wrong, or too many wrong codes were entered.
        """
        user, mark, credential = waiting.user, await submission.mark(), form.get("credential")
        if form.get("code") is None and credential is not None:
            return await self._passkey(credential, user, browser, mark)
        known_browser = await self.context.known_browser(browser, user.subject)
        try:
            accepted = await self.codes.accepts(
                user.subject, form.get("code") or "", mark=mark, network=network, known_browser=known_browser
            )
        except SlowDownError as error:
            raise NotDoneError(
                wait_sentence(error), 429, Reason.SECOND_FACTOR_FAILURES_EXCEEDED, error.retry_after_s
            ) from error
        if not accepted:
            raise NotDoneError(_WRONG, 401, Reason.SECOND_FACTOR_WRONG)
        return BY_CODE

    async def _passkey(self, credential: str, user: User, browser: Browser, mark: str) -> tuple[str, ...]:
        try:
            await self.passkeys.accepts(
                credential,
                user.subject,
                browser_secret=browser.browser_id or "",
                mark=mark,
                now=self.clock(),
            )
        except PasskeyError as error:
            _log.info("passkey not valid", reason=str(error), subject=user.subject)
            raise NotDoneError(_WRONG_PASSKEY, 401, Reason.SECOND_FACTOR_WRONG) from error
        return BY_PASSKEY

    async def _begin(
        self,
        submission: Submission,
        browser: Browser,
        waiting: Waiting,
        added: tuple[str, ...],
        *,
        source: RequestSource,
    ) -> BegunSession | None:
        if waiting.session is not None:
            return await self.login_sessions.with_factor(submission, browser, waiting.session, added)
        current, first = await self.login_sessions.continued(browser, waiting.user), waiting.first
        begun = await self.login_sessions.begin_with(
            browser,
            waiting.user,
            await self.login_sessions.secret_for(submission, browser, current, once=True),
            continues=current,
            provider_id=first.provider_id,
            provider_session=first.provider_session,
            amr=with_methods(first.amr, added),
            auth_time=first.auth_time,
            auth_time_known=first.provider_id is None or first.auth_time is not None,
            source=source,
        )
        if begun is not None and await self._ended_meanwhile(waiting.user, first):
            key = begun.session.key
            await self.context.sessions.end_those(waiting.user.subject, lambda session: session.key == key)
            return None
        return begun

    async def _ended_meanwhile(self, user: User, first: FirstFactor) -> bool:
        """Check whether the identity was disconnected, or its session at the provider has ended."""
        # Checked after the session began: both are recorded before they end the sessions.
        if first.provider_issuer is None or first.provider_subject is None:
            return False
        identity = await self.identities.get(first.provider_issuer, first.provider_subject)
        if identity is None or identity.subject != user.subject:
            return True
        if first.provider_session is None:
            return False
        return await self.provider_sessions.session_has_ended(first.provider_issuer, first.provider_session)

    async def _go_on(self, browser: Browser, waiting: Waiting, begun: BegunSession) -> Response:
        first = waiting.first
        if first.pending_id and await self.pending.get(first.pending_id, browser.browser_id):
            if waiting.session is None:
                await self.pending.note_login(first.pending_id, begun.session.session_id)
            return see_other(self._onward(first), begun.cookies)
        return see_other(after_login(first.to), begun.cookies)

    @staticmethod
    def _onward(first: FirstFactor) -> str:
        return f"authorize?pending={first.pending_id}" if first.pending_id else after_login(first.to)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/second-factor",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )
