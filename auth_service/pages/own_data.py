"""GET /own-data: a person downloads the data that this server stores about them (ID-7)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.accounts.own_data import OwnData
from auth_service.pages.descriptions.own_data import OPERATIONS
from auth_service.users.repository import UserRepository
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.encoded_text import encoded
from shared.logs import get_logger

_log = get_logger(__name__)
_HEADERS = {
    "Content-Disposition": 'attachment; filename="doorward-own-data.json"',
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class OwnDataPage:
    """Responds with the data of the person who is logged in, as a file."""

    context: PageContext
    users: UserRepository
    data: OwnData

    async def handle(self, request: Request) -> Response:
        _, session = await self.context.visitor(request)
        user = await self.users.by_subject(session.subject) if session else None
        if session is None or user is None:
            return see_other("login?to=account")
        _log.info(
            "own data downloaded",
            subject=user.subject,
            username=encoded(user.username),
            origin=self.context.networks.network_of(request),
        )
        body = json.dumps(await self.data.of(user, session), indent=2, ensure_ascii=False) + "\n"
        return Response(body.encode(), 200, _HEADERS, media_type="application/json")

    def endpoint(self) -> Endpoint:
        """Return the endpoint."""
        return Endpoint(
            path="/own-data",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET",),
            operations=OPERATIONS,
        )
