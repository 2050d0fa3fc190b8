"""The OpenAPI description of the journal."""

from __future__ import annotations

from functools import partial
from typing import Any

from auth_service.endpoints.admin_api.descriptions.common import (
    LIST_PARAMETERS,
    NOT_FOUND,
    operation,
    segment,
)
from auth_service.journal.query import Outcome
from auth_service.web.route import answer, text

TAG = "Administration: journal"
_operation = partial(operation, TAG)
_EVENT = {
    "id": "1780003600123-42-resource.Zk3vD0yq2mT1uS8xWb7pRg.0",
    "kind": "call",
    "time_ms": 1_780_003_600_120,
    "subject": "user_8kq0nX7v",
    "client": "s6BhdRkqt3",
    "grant": "4bDqUz0kQkq3v9Hc2m1X_g",
    "resource": "https://mcp.example/mcp",
    "method": "tools/call",
    "name": "delete_issue",
    "result": "ok",
}
_FILTERS = {
    "kind": "Such as `call`, `login` or `tokens.issued`.",
    "subject": "The account that acted, or in whose name a client acted.",
    "client": "The client.",
    "grant": "The grant.",
    "resource": "The URL of the resource.",
    "session": "The login session.",
    "request": "The id of the request.",
    "name": "The tool, prompt or resource that was called.",
}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


_PARAMETERS = [
    *(_parameter(name, text(description)) for name, description in _FILTERS.items()),
    _parameter("outcome", text("How it ended.", enum=[outcome.value for outcome in Outcome])),
    _parameter("since_ms", {"type": "integer", "description": "Only events since (ms since 1970)."}),
    _parameter("until_ms", {"type": "integer", "description": "Only events before (ms since 1970)."}),
    *LIST_PARAMETERS,
]

EVENTS = _operation(
    "Search the journal",
    {"200": answer("The events, newest first.", {"events": [_EVENT], "next": _EVENT["id"]})},
    description="An event has to meet every condition. A response reads a limited part of the journal: it"
    " may have fewer events than `limit`, even none, and still `next`. A call and its end are one event."
    " The search is recorded in the journal itself.",
    parameters=_PARAMETERS,
)
EVENT = _operation(
    "Read an event with its story",
    {
        "200": answer(
            "The event, and those around it: registration, consent, grant, calls, oldest first.",
            {"event": _EVENT, "story": [_EVENT], "more": False},
        ),
        "404": NOT_FOUND,
    },
    parameters=[segment("event_id", "The `id` of the event.")],
)
