"""Adds a second factor to an account: stores it, notifies the person, and continues the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from auth_service.crypto.totp import recovery_codes, recovery_digest
from auth_service.journal.account_events import AccountAction
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.fresh_login import Visit
from auth_service.pages.recovery_codes import with_recovery_codes
from auth_service.protocol.factors import Factors, Notice, Refused, with_notice
from auth_service.protocol.reasons import Reason
from auth_service.users.factors import FactorRepository
from auth_service.web.forms import RequestOverError
from auth_service.web.login_sessions import LoginSessions
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.submissions import Submission
from shared.clock import Clock
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)

Rule = Callable[[Factors, str], tuple[Factors | None, Refused | None]]
"""Maps the factors and the mark of the submission to the factors with the new one."""


@dataclass(frozen=True, kw_only=True)
class AddFactor:
    """The last step of adding a second factor, whose possession has been proven."""

    context: PageContext
    factors: FactorRepository
    login_sessions: LoginSessions
    clock: Clock

    async def add(
        self, submission: Submission, visit: Visit, rule: Rule, *, what: Text, amr: tuple[str, ...]
    ) -> Response:
        """Add the factor; with the first one of an account, show its recovery codes.

        Args:
            what: what happened, for the notice.
            amr: the methods that the proof of possession adds to the login.

        Raises:
            NotDoneError: the factor cannot be added.
        """
        codes, mark = recovery_codes(await submission.secret()), await submission.mark()
        changing = self._rule(rule, mark=mark, codes=codes, notice=self._notice(what, visit))
        recorded = visit.recorded(self.context, AccountAction.FACTOR_ADDED, *amr)
        refused = await self.factors.change(visit.user.subject, changing, before=recorded)
        if refused is not None:
            raise NotDoneError(refused.text, 409, Reason.SECOND_FACTOR_NOT_CHANGED)
        begun = await self.login_sessions.with_factor(submission, visit.browser, visit.session, amr)
        if begun is None:
            raise RequestOverError
        _log.warning("second factor added", what=what, subject=visit.user.subject, origin=visit.network)
        current = await self.factors.of(visit.user.subject)
        if recovery_digest(codes[0]) not in current.recovery_codes:
            return see_other(visit.onward, begun.cookies)
        context = {"codes": codes, "onward": visit.onward}
        return self.context.templates.render("recovery_codes.html", context, cookies=begun.cookies)

    def _notice(self, what: Text, visit: Visit) -> Notice:
        return Notice.of(what, at=int(self.clock()), network=visit.network)

    def _rule(
        self, rule: Rule, *, mark: str, codes: tuple[str, ...], notice: Notice
    ) -> Callable[[Factors], tuple[Factors | None, Refused | None]]:
        def adding(factors: Factors) -> tuple[Factors | None, Refused | None]:
            changed, refused = rule(factors, mark)
            if changed is None:
                return None, refused
            if not changed.recovery_codes:
                changed = with_recovery_codes(changed, codes, int(self.clock()))
            return with_notice(changed, notice), None

        return adding
