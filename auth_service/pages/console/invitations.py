"""Initial access tokens: created, shown once, revoked (RFC 7591 §1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from auth_service.clients.registration_policy import InitialAccessTokenRepository, initial_access_token
from auth_service.crypto.secrets import new_secret
from auth_service.pages.console.sections import Administrator
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.pagination import paginated
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration_policy import RegistrationMode
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other
from shared.texts import Text

MOST_USES = 10_000
MOST_HOURS = 8_760


@dataclass(frozen=True)
class InvitationsSection:
    """The section of the tokens that admit a client to closed registration."""

    tokens: InitialAccessTokenRepository
    registration_mode: RegistrationMode
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"make"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        return await self._page(query, admin)

    async def _page(self, query: Parameters, admin: Administrator, made: str | None = None) -> Response:
        tokens, page = paginated(list((await self.tokens.list()).items()), query, "invitations")
        rows = [
            {
                "token": token_hash,
                "left": token.uses_left,
                "made": day(token.made_at) if token.made_at else None,
                "by": token.made_by,
                "ends": day(token.expires_at),
            }
            for token_hash, token in tokens
        ]
        context = {
            "admin": admin,
            "made": made,
            "rows": rows,
            "page": page,
            "registration_mode": self.registration_mode.value,
        }
        return self.templates.render("console_invitations.html", context)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        action = form.require("action")
        if action == "make":
            return await self._make(form, admin)
        if action != "revoke":
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be make or revoke")
        token_hash = form.require("token")
        if await self.tokens.revoke(token_hash):
            admin.audit("invitation revoked", invitation=token_hash)
        return see_other("invitations")

    async def _make(self, form: Parameters, admin: Administrator) -> Response:
        uses, hours = _count(form, "uses", MOST_USES), _count(form, "hours", MOST_HOURS)
        submission = admin.submission
        secret = await submission.secret() if submission else new_secret()
        if not await self.tokens.exists(secret):
            if submission and submission.outcome.finished:
                return see_other("invitations")  # submitted again after the token was revoked
            admin.audit("invitation made", uses=uses, hours=hours)
            await self.tokens.make(uses=uses, ttl_s=hours * 3_600, made_by=admin.user.username, secret=secret)
        # Shown in this response, without a redirect: the token is not stored, so no later page could show it.
        # Submitting the same form again shows the same token again.
        return await self._page(Parameters({}), admin, initial_access_token(secret))


def _count(form: Parameters, name: str, most: int) -> int:
    text = form.require(name)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        message = Text("Enter a number from 1 to %(most)s.", most=most)
        raise NotDoneError(message, 400, Reason.FORM_FIELD_INVALID)
    return int(text)
