"""GET and POST /add-passkey: adds a passkey that an authenticator of the person creates."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.passkeys import NewCredential, PasskeyError
from auth_service.pages.add_factor import AddFactor
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.second_factor import ADD_PASSKEY
from auth_service.pages.fresh_login import FreshLogin, Visit
from auth_service.protocol.factors import Factors, Passkey, Refused, add_passkey
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import BY_PASSKEY
from auth_service.users.passkey_check import PasskeyCheck
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
MAX_NAME = 40
_WRONG = Text("The passkey was not added. Try again.")


@dataclass(frozen=True, kw_only=True)
class AddPasskeyPage:
    """Asks the browser to create a passkey, and adds it under a name."""

    context: PageContext
    fresh: FreshLogin
    add_factor: AddFactor
    passkeys: PasskeyCheck
    clock: Clock

    async def handle(self, request: Request) -> Response:
        visit = await self.fresh.visit(request)
        if isinstance(visit, Response):
            return visit
        return await (self._submit(request, visit) if request.method == "POST" else self._form(visit))

    async def _form(self, visit: Visit, *, wrong: str = "", status: int = 200) -> Response:
        possible, browser_id = self.passkeys.relying_party.possible, visit.browser.browser_id or ""
        options = (
            await self.passkeys.creation_options(visit.user.subject, visit.user.username, browser_id)
            if possible
            else None
        )
        number = len(visit.factors.passkeys) + 1
        context = {
            "csrf": self.context.browsers.form_token(visit.browser),
            "username": visit.user.username,
            "options": options,
            "fields": visit.fields,
            "name": _name(visit.form.get("name")) or Text("Passkey %(number)s", number=number),
            "max_name": MAX_NAME,
            "wrong": wrong,
        }
        return self.context.templates.render("add_passkey.html", context, status=status)

    async def _submit(self, request: Request, visit: Visit) -> Response:
        submission = submission_of(request)
        try:
            created = await self.passkeys.created(
                visit.form.get("credential") or "",
                visit.user.subject,
                browser_secret=visit.browser.browser_id or "",
                mark=await submission.mark(),
            )
            key = self._passkey(created, _name(visit.form.get("name")))

            def rule(factors: Factors, mark: str) -> tuple[Factors | None, Refused | None]:
                return add_passkey(factors, key, mark=mark)

            what = Text("The passkey “%(name)s” was added", name=key.name)
            return await self.add_factor.add(submission, visit, rule, what=what, amr=BY_PASSKEY)
        except PasskeyError as error:
            _log.info("passkey not valid", reason=str(error), subject=visit.user.subject)
            refusal = NotDoneError(_WRONG, 400, Reason.SECOND_FACTOR_NOT_CHANGED)
        except NotDoneError as error:
            refusal = error
        page = await self._form(visit, wrong=refusal.message, status=refusal.status)
        who = {"subject": visit.user.subject, "username": encoded(visit.user.username)}
        return not_done(page, refusal, "passkey not added", **who)

    def _passkey(self, created: NewCredential, name: str) -> Passkey:
        return Passkey(
            credential_id=created.credential_id,
            public_key=created.public_key,
            sign_count=created.sign_count,
            name=name or "Passkey",
            added_at=int(self.clock()),
        )

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/add-passkey",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=ADD_PASSKEY,
        )


def _name(typed: str | None) -> str:
    """Return a name without invisible characters."""
    return "".join(character for character in (typed or "") if character.isprintable()).strip()[:MAX_NAME]
