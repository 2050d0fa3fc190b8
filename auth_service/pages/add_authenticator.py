"""GET and POST /add-authenticator: adds an authenticator app after checking one of its codes."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.crypto.secrets import digest
from auth_service.crypto.totp import SealedSecrets, enrolment_uri, new_totp_secret, step_of
from auth_service.pages.add_factor import AddFactor, Rule
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.second_factor import ADD_APP
from auth_service.pages.fresh_login import FreshLogin, Visit
from auth_service.protocol.factors import AuthenticatorApp, Factors, Refused, add_app
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import BY_CODE
from auth_service.web.forms import RequestOverError, shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.qr_code import qr_code
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared import base64url
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.texts import Text

ENROLMENT_S = 900
_PURPOSE = "enrolments"


class Enrolments:
    """The secrets of apps being added: only in the form, encrypted for one account and browser."""

    def __init__(self, keyring: KeyRing, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    def seal(self, secret: str, visit: Visit) -> str:
        """Encrypt a secret for the form."""
        until = int(self._clock()) + ENROLMENT_S
        members = [secret, visit.user.subject, digest(visit.browser.browser_id or ""), until]
        return base64url.encode(self._keyring.seal(_PURPOSE, json.dumps(members).encode()))

    def open(self, sealed: str, visit: Visit) -> str:
        """Return the secret in a posted form.

        Raises:
            RequestOverError: the form was for another account or browser, or is too old.
        """
        try:
            members = json.loads(self._keyring.open(_PURPOSE, base64url.decode(sealed)))
        except (SealBrokenError, ValueError) as error:
            raise RequestOverError from error
        secret, subject, browser, until = members
        if (subject, browser) != (visit.user.subject, digest(visit.browser.browser_id or "")):
            raise RequestOverError
        if self._clock() >= until:
            raise RequestOverError
        return str(secret)


@dataclass(frozen=True, kw_only=True)
class AddAuthenticatorPage:
    """Shows a secret as a QR code and as text, and adds the app after checking a code."""

    context: PageContext
    fresh: FreshLogin
    add_factor: AddFactor
    enrolments: Enrolments
    sealed: SealedSecrets
    service_name: str
    clock: Clock

    async def handle(self, request: Request) -> Response:
        visit = await self.fresh.visit(request)
        if isinstance(visit, Response):
            return visit
        if request.method == "POST":
            return await self._submit(request, visit)
        return self._form(visit, new_totp_secret())

    def _form(self, visit: Visit, secret: str, *, wrong: str = "", status: int = 200) -> Response:
        uri = enrolment_uri(secret, visit.user.username, self.service_name)
        context = {
            "csrf": self.context.browsers.form_token(visit.browser),
            "username": visit.user.username,
            "enrolment": self.enrolments.seal(secret, visit),
            "fields": visit.fields,
            "qr": qr_code(uri),
            "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
            "wrong": wrong,
        }
        return self.context.templates.render("add_authenticator.html", context, status=status)

    async def _submit(self, request: Request, visit: Visit) -> Response:
        secret = self.enrolments.open(visit.form.require("enrolment"), visit)
        try:
            rule = self._rule(visit, secret)
            return await self.add_factor.add(
                submission_of(request), visit, rule, what=Text("An authenticator app was added"), amr=BY_CODE
            )
        except NotDoneError as error:
            page = self._form(visit, secret, wrong=error.message, status=error.status)
            who = {"subject": visit.user.subject, "username": encoded(visit.user.username)}
            return not_done(page, error, "authenticator app not added", **who)

    def _rule(self, visit: Visit, secret: str) -> Rule:
        now = self.clock()
        step = step_of(secret, "".join((visit.form.get("code") or "").split()), now)
        if step is None:
            message = Text("The code is wrong. Check the clock of your phone, and enter the next code.")
            raise NotDoneError(message, 400, Reason.SECOND_FACTOR_WRONG)
        app = AuthenticatorApp(
            sealed=self.sealed.seal(visit.user.subject, secret),
            added_at=int(now),
            last_step=step,
            used_at=int(now),
        )

        def rule(factors: Factors, mark: str) -> tuple[Factors | None, Refused | None]:
            return add_app(factors, app, mark=mark)

        return rule

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/add-authenticator",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=ADD_APP,
        )
