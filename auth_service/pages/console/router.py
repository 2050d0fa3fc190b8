"""GET and POST /admin/{page}: admits administrators and selects the section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.pages.console.descriptions.router import ACT, SHOW, WAY_IN
from auth_service.pages.console.sections import Administrator, NotThereError, Section
from auth_service.protocol.claims_request import ACR_MFA
from auth_service.protocol.parameters import parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.users.repository import UserRepository
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from auth_service.web.submissions import submission_of
from shared.clock import Clock
from shared.logs import get_logger

_log = get_logger(__name__)

RECENT_S = 3_600
"""The maximum age of the login for the console in seconds, even if the session lasts longer."""


@dataclass(frozen=True, kw_only=True)
class AdminConsole:
    """Admits administrators, and does not reveal to anybody else whether a page exists."""

    sections: Mapping[str, Section]
    users: UserRepository
    context: PageContext
    policy: SecondFactorPolicy
    clock: Clock

    async def handle(self, request: Request) -> Response:
        admin = await self._administrator(request)
        if isinstance(admin, Response):
            return admin
        section = self.sections.get(request.path_params["page"])
        try:
            if section is None:
                raise NotThereError
            if request.method == "POST":
                posted, _ = await trusted_form(self.context.browsers, request)
                await submission_of(request).begin()
                return await section.handle_post(posted, admin)
            return await section.handle_get(parse_parameters(request.scope["query_string"]), admin)
        except NotThereError:
            _log.info(
                "refused",
                reason="the page or its object does not exist",
                reason_code=Reason.CONSOLE_PAGE_UNKNOWN.code,
                error="not_found",
                status=404,
                method=request.method,
                path=request.scope["path"],
            )
            return self.context.templates.render("console_nothing.html", {}, status=404)

    async def _administrator(self, request: Request) -> Administrator | Response:
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other("../login?to=admin")
        # Read on each request, so that a demoted administrator is refused at once.
        user = await self.users.by_subject(session.subject)
        if user is None or user.disabled or not user.admin:
            _log.warning(
                "console refused",
                reason="the user is not an administrator",
                reason_code=Reason.NOT_ADMINISTRATOR.code,
                status=403,
                method=request.method,
                path=request.scope["path"],
                subject=session.subject,
            )
            return self.context.templates.render(
                "console_refused.html", {"username": session.username}, status=403
            )
        if self.clock() >= session.auth_time + RECENT_S:
            return see_other("../login?to=admin")
        if self.policy.is_required_of(admin=True) and session.acr != ACR_MFA:
            return see_other("../second-factor?to=admin")
        posted = submission_of(request) if request.method == "POST" else None
        return Administrator(user, self.context.browsers.form_token(browser), posted)

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of the start page and the sections."""
        page = shows_errors(self.context.errors, self.handle)
        return [
            Endpoint(path="/admin", handler=_way_in, methods=("GET",), operations={"GET": WAY_IN}),
            Endpoint(
                path="/admin/{page}",
                handler=page,
                methods=("GET", "POST"),
                operations={"GET": SHOW, "POST": ACT},
            ),
        ]


async def _way_in(_: Request) -> Response:
    return see_other("admin/software")
