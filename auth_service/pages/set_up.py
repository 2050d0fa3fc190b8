"""GET and POST /set-up: the first administrator chooses a name, and a password or a passkey."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from auth_service.accounts.first_administrator import FirstAdministrator, FirstPasskey, SetupOverError
from auth_service.crypto.passkeys import PasskeyError
from auth_service.crypto.secrets import new_id
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.set_up import OPERATIONS
from auth_service.pages.one_time_link import done_mark, kept_from_referers, link_over, new_password
from auth_service.protocol.factors import Passkey
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.password_rules import MAX_LENGTH, MIN_LENGTH
from auth_service.protocol.reasons import Reason
from auth_service.rate_limits import Throttle
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.users.repository import UserExistsError
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.http import while_connected
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import Submission, submission_of
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text, message_of

_log = get_logger(__name__)
_EVENT = "set up"
_WRONG_PASSKEY = Text("The passkey was not created. Try again, or choose a password.")
_BACK = re.compile(r"[0-9]{4,5}/[A-Za-z0-9_-]{1,40}/server\Z")
"""A port of this machine and a path: the page of `doorward up` from which the person came."""


@dataclass(frozen=True, kw_only=True)
class SetUpPage:
    """Creates the first administrator for the holder of the link, once."""

    context: PageContext
    first: FirstAdministrator
    passkeys: PasskeyCheck
    throttle: Throttle

    async def handle(self, request: Request) -> Response:
        try:
            response = await (self._submit(request) if request.method == "POST" else self._show(request))
        except SetupOverError:
            response = self._over(request)
        return kept_from_referers(response)

    async def _show(self, request: Request) -> Response:
        browser, cookies = self.context.browsers.with_secret(self.context.browsers.browser_of(request))
        query = parse_parameters(request.scope["query_string"])
        if query.get("done") == done_mark(_EVENT, browser):
            return self.context.templates.render("set_up_done.html", {"back": _back(query)})
        await self._require(query.get("link"), request)
        return self._form(browser, query.require("link"), back=_back(query), cookies=cookies)

    async def _require(self, link: str | None, request: Request) -> None:
        network = self.context.networks.network_of(request)
        await self.throttle.attempt(network)
        await self.first.require(link)
        await self.throttle.refund(network)

    def _form(
        self,
        browser: Browser,
        link: str,
        *,
        back: str,
        username: str = "",
        wrong: str = "",
        status: int = 200,
        cookies: tuple[str, ...] = (),
    ) -> Response:
        subject = new_id()
        context = {
            "csrf": self.context.browsers.form_token(browser, logs_in=True),
            "link": link,
            "back": back,
            "options": self.passkeys.first_options(subject, browser.browser_id or ""),
            "fields": {"link": link, "back": back, "subject": subject, "username": ""},
            "username": username,
            "wrong": wrong,
            "min_length": MIN_LENGTH,
            "max_length": MAX_LENGTH,
        }
        return self.context.templates.render("set_up.html", context, status=status, cookies=cookies)

    def _over(self, request: Request) -> Response:
        if request.method == "POST":
            submission_of(request).give_way()
        return link_over(
            self.context,
            request,
            "set-up refused",
            reason="the link is not valid, or there is an administrator",
        )

    async def _submit(self, request: Request) -> Response:
        form, browser = await trusted_form(self.context.browsers, request, logs_in=True)
        link, username, back = form.require("link"), form.get("username") or "", _back(form)
        submission = submission_of(request)
        await submission.begin()
        await self._require(link, request)
        origin = self.context.networks.network_of(request)
        try:
            way = await self._way(form, browser, submission)
            await while_connected(request, self._create(link, username, way, origin))
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except NotDoneError as error:
            page = self._form(
                browser, link, back=back, username=username, wrong=error.message, status=error.status
            )
            return not_done(page, error, "set-up failed", origin=origin)
        _log.warning("first administrator created", username=encoded(username), origin=origin)
        fields = {"done": done_mark(_EVENT, browser), **({"back": back} if back else {})}
        return see_other(f"set-up?{urlencode(fields)}")

    async def _way(self, form: Parameters, browser: Browser, submission: Submission) -> str | FirstPasskey:
        """Return the password or the passkey with which the administrator will log in."""
        credential, subject = form.get("credential"), form.get("subject")
        if not credential or not subject:
            return new_password(form)
        mark, browser_secret = await submission.mark(), browser.browser_id or ""
        try:
            created = await self.passkeys.first_created(
                credential, subject, browser_secret=browser_secret, mark=mark
            )
        except PasskeyError as error:
            _log.info("passkey not valid", reason=str(error))
            raise NotDoneError(_WRONG_PASSKEY, 400, Reason.SECOND_FACTOR_NOT_CHANGED) from error
        key = Passkey(
            credential_id=created.credential_id,
            public_key=created.public_key,
            sign_count=created.sign_count,
            name="Passkey",
            added_at=int(self.first.clock()),
        )
        return FirstPasskey(subject=subject, key=key, mark=mark)

    async def _create(self, link: str, username: str, way: str | FirstPasskey, origin: str) -> None:
        demo = await self.first.demo_user()
        try:
            user = await self.first.create(link, username, way)
        except UserExistsError as error:
            raise NotDoneError(Text("This username is taken."), 400, Reason.FORM_FIELD_INVALID) from error
        except ValueError as error:
            message = Text("That cannot be used: %(reason)s.", reason=message_of(error))
            raise NotDoneError(message, 400, Reason.PASSWORD_NOT_CHANGED) from error
        # Afterwards: the subject is drawn with the account.
        await self.context.account_events.record(
            AccountAction.FIRST_ADMINISTRATOR_CREATED, user.subject, network=origin
        )
        self.context.templates.remove_notice()  # It names the demo user.
        if demo is not None:
            await self.context.account_events.record(AccountAction.DELETED, demo.subject, network=origin)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/set-up",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _back(fields: Parameters) -> str:
    """Return where the page leads afterwards, on this machine; empty for nowhere."""
    back = fields.get("back") or ""
    return back if _BACK.match(back) else ""
