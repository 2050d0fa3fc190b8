"""GET and POST /recovery-codes: new recovery codes, shown once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.totp import recovery_codes, recovery_digest
from auth_service.journal.account_events import AccountAction
from auth_service.pages.descriptions.second_factor import RECOVERY
from auth_service.pages.fresh_login import FreshLogin, Visit
from auth_service.protocol.factors import Factors, Notice, with_notice
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.clock import Clock
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)


def with_recovery_codes(factors: Factors, codes: tuple[str, ...], now: int) -> Factors:
    """Return the factors with their recovery codes replaced."""
    return replace(factors, recovery_codes=tuple(map(recovery_digest, codes)), recovery_codes_at=now)


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesPage:
    """Warns that earlier codes become invalid, and shows the new ones once."""

    context: PageContext
    fresh: FreshLogin
    clock: Clock

    async def handle(self, request: Request) -> Response:
        visit = await self.fresh.visit(request)
        if isinstance(visit, Response):
            return visit
        if not visit.factors.count:
            return see_other("login-methods")
        if request.method == "POST":
            return await self._make(request, visit)
        context = {
            "csrf": self.context.browsers.form_token(visit.browser),
            "left": len(visit.factors.recovery_codes),
        }
        return self.context.templates.render("recovery_codes_new.html", context)

    async def _make(self, request: Request, visit: Visit) -> Response:
        submission, now = submission_of(request), int(self.clock())
        codes, mark = recovery_codes(await submission.secret()), await submission.mark()
        notice = Notice.of(Text("New recovery codes were created"), at=now, network=visit.network)

        def rule(factors: Factors) -> tuple[Factors | None, None]:
            if factors.accepted == mark or not factors.count:
                return None, None
            changed = with_recovery_codes(factors, codes, now)
            return with_notice(replace(changed, accepted=mark), notice), None

        recorded = visit.recorded(self.context, AccountAction.RECOVERY_CODES_CREATED)
        await self.fresh.factors.change(visit.user.subject, rule, before=recorded)
        _log.warning("recovery codes created", subject=visit.user.subject, origin=visit.network)
        return self.context.templates.render("recovery_codes.html", {"codes": codes, "onward": visit.onward})

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/recovery-codes",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=RECOVERY,
        )
