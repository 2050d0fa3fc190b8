"""`/admin/api/journal`: searches the journal, and returns one event with its story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.administration.journal import JournalAdministration
from auth_service.endpoints.admin_api.descriptions import journal as descriptions
from auth_service.endpoints.admin_api.listing import limit_of
from auth_service.endpoints.admin_api.objects import not_there, page
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.journal.newest_first import Place, read_place
from auth_service.journal.query import MEMBERS, JournalQuery, Outcome
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint

_MAX_MS = 2**53


@dataclass(frozen=True, kw_only=True)
class JournalApi:
    """Reads the journal."""

    journal: JournalAdministration

    async def events(self, admin: AdminRequest) -> Response:
        """Return the matching events, newest first."""
        query = admin.query
        after = query.get("after")
        found_page = await self.journal.page(
            admin.actor,
            _conditions(query),
            after=None if after is None else _cursor(after),
            limit=limit_of(query.get("limit")),
        )
        older = found_page.after.to_text() if found_page.after else None
        return page("events", [_event(event) for event in found_page.events], older)

    async def event(self, admin: AdminRequest) -> Response:
        """Return one event, with the events around it."""
        try:
            place = read_place(admin.path("event_id"))
        except ValueError:
            raise not_there("event") from None
        story = await self.journal.story(admin.actor, place)
        if story is None:
            raise not_there("event")
        events = [_event(event) for event in story.in_order]
        return json_response({"event": _event(story.event), "story": events, "more": story.more})

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            routing.endpoint(
                "/journal", {"GET": AdminOperation(perform=self.events, description=descriptions.EVENTS)}
            ),
            routing.endpoint(
                "/journal/{event_id}",
                {"GET": AdminOperation(perform=self.event, description=descriptions.EVENT)},
            ),
        ]


def _conditions(query: Parameters) -> JournalQuery:
    members = {name: value for name in MEMBERS if (value := query.get(name))}
    outcome = query.get("outcome")
    if outcome is not None and outcome not in tuple(Outcome):
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "outcome must be succeeded, failed or unknown")
    return JournalQuery(
        members=members,
        outcome=Outcome(outcome) if outcome else None,
        since_ms=_time_ms(query, "since_ms") or 0,
        until_ms=_time_ms(query, "until_ms"),
    )


def _time_ms(query: Parameters, name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 16 or int(value) > _MAX_MS:
        raise InvalidRequestError(
            Reason.ADMIN_VALUE_INVALID, f"{name} must be a time in milliseconds since 1970"
        )
    return int(value)


def _cursor(text: str) -> Place:
    try:
        return read_place(text)
    except ValueError:
        raise InvalidRequestError(
            Reason.ADMIN_VALUE_INVALID, "after must be the cursor of an earlier response"
        ) from None


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "previous"}
