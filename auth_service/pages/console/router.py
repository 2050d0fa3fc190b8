"""GET and POST /admin/{page}: admits administrators and selects the section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.journal.journal import Journal
from auth_service.pages.console.descriptions.router import ACT, SHOW, WAY_IN
from auth_service.pages.console.recent_login import RecentLogin
from auth_service.pages.console.sections import Administrator, NotThereError, Section
from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.pages.posted_forms import PostedForm
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

_BACK = {
    "people": "people",
    "person": "people",
    "groups": "groups",
    "group": "groups",
    "invitations": "invitations",
    "access": "access",
    "access-rule": "access",
    "stops": "stops",
    "definitions": "definitions",
    "journal": "journal",
    "event": "journal",
}
"""The list that leads back to a page."""

RECENT_S = 3_600
"""The maximum age of the login for the console in seconds, even if the session lasts longer."""


@dataclass(frozen=True, kw_only=True)
class AdminConsole:
    """Admits administrators, and does not reveal to anybody else whether a page exists."""

    sections: Mapping[str, Section]
    users: UserRepository
    context: PageContext
    policy: SecondFactorPolicy
    recent_login: RecentLogin
    clock: Clock
    journal: Journal

    async def handle(self, request: Request) -> Response:
        admin = await self._administrator(request)
        if isinstance(admin, Response):
            return admin
        section = self.sections.get(request.path_params["page"])
        try:
            if section is None:
                raise NotThereError
            if request.method == "POST":
                return await self._submit(request, section, admin)
            return await section.handle_get(parse_parameters(request.scope["query_string"]), admin)
        except NotDoneError as error:
            return self._not_done(request, error, admin)
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

    async def _submit(self, request: Request, section: Section, admin: Administrator) -> Response:
        form, browser = await trusted_form(self.context.browsers, request)
        await submission_of(request).begin()
        if form.get("action") in section.dangerous:
            _, session = await self.context.visitor(request)
            if session is None:
                return see_other("../login?to=admin")
            network = self.context.networks.network_of(request)
            await self.recent_login.require(PostedForm(form, browser, session, network), admin.user)
        return await section.handle_post(form, admin)

    def _not_done(self, request: Request, error: NotDoneError, admin: Administrator) -> Response:
        page = request.path_params["page"]
        context = {
            "admin": admin,
            "message": error.message,
            "back": _BACK.get(page, "software"),
            "must_log_in": error.reason is Reason.LOGIN_TOO_OLD,
        }
        response = self.context.templates.render("console_not_done.html", context, status=error.status)
        return not_done(response, error, "administration refused", section=page, by=admin.user.username)

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
        return Administrator(
            user=user,
            csrf=self.context.browsers.form_token(browser),
            submission=posted,
            fresh=self.recent_login.is_fresh(session),
            journal=self.journal,
        )

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
