"""GET /activity: the calls in a person's name, of one connection or of all (JR-5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.administration.actors import Actor
from auth_service.administration.journal import record_reading
from auth_service.clients.repository import ClientRepository
from auth_service.grants.repository import GrantRepository
from auth_service.journal.journal import Journal
from auth_service.journal.newest_first import Place, read_place
from auth_service.journal.query import JournalQuery
from auth_service.journal.search import JournalPage, JournalSearch
from auth_service.pages.descriptions.activity import OPERATIONS
from auth_service.pages.journal_rows import Names, client_ids, moment, rows_of
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.users.sessions import Session
from auth_service.web.forms import shows_errors
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.journal.outcomes import CALL

PAGE_SIZE = 25
_CLOCKS_MS = 3_600_000
"""How far the clock of a resource server may be behind."""


@dataclass(frozen=True, kw_only=True)
class ActivityPage:
    """Shows people what clients did in their name, and nobody else's calls."""

    context: PageContext
    search: JournalSearch
    grants: GrantRepository
    clients: ClientRepository
    journal: Journal

    async def handle(self, request: Request) -> Response:
        _, session = await self.context.visitor(request)
        if session is None:
            return see_other("login?to=account")
        query = parse_parameters(request.scope["query_string"])
        grant_id = query.get("grant_id")
        page = await self._page(session, grant_id, _place(query))
        clients = await self.clients.get_many(client_ids(page.events))
        names = {client.client_id: client.name for client in clients}
        context = {
            "username": session.username,
            "one": grant_id is not None,
            "client": _only(names.values()) if grant_id is not None else None,
            "rows": rows_of(page.events, Names(people={}, clients=names)),
            "newest": _link(grant_id) if query.get("after") else None,
            "older": _link(grant_id, page.after) if page.after else None,
            "searched_until": moment(page.after.time_ms) if page.after else None,
        }
        return self.context.templates.render("activity.html", context)

    async def _page(self, session: Session, grant_id: str | None, after: Place | None) -> JournalPage:
        members = {"kind": CALL, "subject": session.subject}
        since_ms = 0
        if grant_id is not None:
            members["grant"] = grant_id
            grant = await self.grants.get(grant_id)
            since_ms = grant.created_at * 1_000 - _CLOCKS_MS if grant else 0
        actor = Actor(name=session.username, subject=session.subject, via="account", journal=self.journal)
        await record_reading(actor, query={"grant": grant_id} if grant_id else None)
        query = JournalQuery(members=members, since_ms=since_ms)
        return await self.search.page(query, after=after, limit=PAGE_SIZE)

    def endpoint(self) -> Endpoint:
        """Return the endpoint."""
        return Endpoint(
            path="/activity",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET",),
            operations=OPERATIONS,
        )


def _place(query: Parameters) -> Place | None:
    text = query.get("after")
    try:
        return read_place(text) if text else None
    except ValueError:
        return None  # the newest


def _link(grant_id: str | None, after: Place | None = None) -> str:
    parameters: Mapping[str, Any] = {
        **({"grant_id": grant_id} if grant_id is not None else {}),
        **({"after": after.to_text()} if after else {}),
    }
    return f"activity?{urlencode(parameters)}" if parameters else "activity"


def _only(names: Iterable[str]) -> str | None:
    different = set(names)
    return different.pop() if len(different) == 1 else None
