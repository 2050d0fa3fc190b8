"""GET and POST /login-methods: a person sees and removes their ways to log in."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.connected_identities import ConnectedIdentities, NotDisconnectedError
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.descriptions.second_factor import METHODS
from auth_service.pages.fresh_login import FreshLogin, Visit
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.factors import (
    NOTICE_S,
    Factors,
    Notice,
    Passkey,
    Refused,
    remove_app,
    remove_passkey,
    with_notice,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import shown_network
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.web.forms import shows_errors
from auth_service.web.moments import day
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.clock import Clock
from shared.encoded_text import encoded
from shared.logs import get_logger
from shared.texts import Text, message_of

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoginMethodsPage:
    """Lists the password, passkeys, the authenticator app and recovery codes, and removes them."""

    context: PageContext
    fresh: FreshLogin
    policy: SecondFactorPolicy
    connected: ConnectedIdentities
    providers: frozenset[str]
    clock: Clock

    async def handle(self, request: Request) -> Response:
        posts = request.method == "POST"
        visit = await self.fresh.visit(request, changes=posts)
        if isinstance(visit, Response):
            return visit
        return await self._submit(request, visit) if posts else self._page(visit)

    def _page(self, visit: Visit, *, wrong: str = "", status: int = 200) -> Response:
        factors, app = visit.factors, visit.factors.app
        context = {
            "csrf": self.context.browsers.form_token(visit.browser),
            "username": visit.user.username,
            "has_password": bool(visit.user.password_hash),
            "app": {"added": day(app.added_at), "used": day(app.used_at or None)} if app else None,
            "passkeys": [_listed(key) for key in factors.passkeys],
            "factors": factors.count,
            "recovery_left": len(factors.recovery_codes),
            "required": self.policy.is_required_of(admin=visit.user.admin),
            "notices": shown_notices(factors, int(self.clock())),
            "wrong": wrong,
        }
        return self.context.templates.render("login_methods.html", context, status=status)

    async def _submit(self, request: Request, visit: Visit) -> Response:
        await submission_of(request).begin()
        who = {"subject": visit.user.subject, "username": encoded(visit.user.username)}
        try:
            async with self.connected.one_at_a_time(visit.user):
                await self._remove(visit)
        except NotDisconnectedError as error:
            message = Text("It was not removed: %(reason)s.", reason=message_of(error))
            refusal = NotDoneError(message, 409, Reason.SECOND_FACTOR_NOT_CHANGED)
            page = self._page(visit, wrong=message, status=409)
            return not_done(page, refusal, "second factor not removed", **who)
        except NotDoneError as error:
            page = self._page(visit, wrong=error.message, status=error.status)
            return not_done(page, error, "second factor not removed", **who)
        _log.warning("second factor removed", origin=visit.network, **who)
        return see_other("login-methods")

    async def _remove(self, visit: Visit) -> None:
        action, now = visit.form.require("action"), int(self.clock())
        required = self.policy.is_required_of(admin=visit.user.admin)
        credential_id = visit.form.get("credential_id") or ""
        if action not in ("remove-app", "remove-passkey"):
            raise InvalidRequestError(
                Reason.FORM_FIELD_INVALID, "action must be remove-app or remove-passkey"
            )

        only_way = not await self.connected.has_way_in_without_passkeys(visit.user, self.providers)

        def rule(factors: Factors) -> tuple[Factors | None, Refused | None]:
            key = factors.passkey(credential_id)
            if action == "remove-app":
                what = Text("The authenticator app was removed")
                left, refused = remove_app(factors, required=required)
            else:
                what = Text("The passkey “%(name)s” was removed", name=key.name if key else "")
                left, refused = remove_passkey(factors, credential_id, required=required, only_way=only_way)
            if left is None:
                return None, refused
            return with_notice(left, Notice.of(what, at=now, network=visit.network)), None

        method = "otp" if action == "remove-app" else "swk"
        recorded = visit.recorded(self.context, AccountAction.FACTOR_REMOVED, method)
        refused = await self.fresh.factors.change(visit.user.subject, rule, before=recorded)
        if refused is not None:
            raise NotDoneError(refused.text, 409, Reason.SECOND_FACTOR_NOT_CHANGED)

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/login-methods",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=METHODS,
        )


def _listed(key: Passkey) -> dict[str, object]:
    return {
        "credential_id": key.credential_id,
        "name": key.name,
        "added": day(key.added_at),
        "used": day(key.used_at or None),
        "cloned": bool(key.cloned_at),
    }


def recent_factors(factors: Factors, now: int) -> list[dict[str, str | None]]:
    """Return the factors that were added within `NOTICE_S`, for a page."""
    return [
        {"name": name or Text("Authenticator app"), "added": day(added_at)}
        for name, added_at in factors.added_since(now - NOTICE_S)
    ]


def shown_notices(factors: Factors, now: int) -> list[Text]:
    """Return the recent changes as sentences."""
    return [_sentence(notice) for notice in factors.recent_notices(now)]


def _sentence(notice: Notice) -> Text:
    what, moment = notice.shown_text, day(notice.at)
    if not notice.network:
        return Text("%(what)s on %(moment)s.", what=what, moment=moment)
    network = shown_network(notice.network)
    return Text("%(what)s on %(moment)s from %(network)s.", what=what, moment=moment, network=network)
