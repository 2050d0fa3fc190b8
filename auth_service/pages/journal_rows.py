"""Events of the journal, as pages show them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.journal.event import EventKind
from shared.journal.outcomes import CALL, has_failed
from shared.texts import Text

KINDS: Mapping[str, Text] = {
    CALL: Text("Call"),
    EventKind.CALL_BEGUN: Text("Call begun"),
    EventKind.CALL_COMPLETED: Text("Call completed"),
    EventKind.CALL_REFUSED: Text("Call refused"),
    EventKind.CALL_UNKNOWN: Text("Call with unknown outcome"),
    EventKind.DEFINITIONS_PINNED: Text("Definitions pinned"),
    EventKind.DEFINITION_HELD: Text("Definition held"),
    EventKind.DEFINITION_APPROVED: Text("Definition approved"),
    EventKind.LOGIN: Text("Login"),
    EventKind.CONSENT: Text("Consent"),
    EventKind.GRANT_OPENED: Text("Connection begun"),
    EventKind.TOKENS_ISSUED: Text("Tokens issued"),
    EventKind.TOKENS_REFUSED: Text("Tokens refused"),
    EventKind.GRANT_NARROWED: Text("Connection narrowed"),
    EventKind.GRANT_REVOKED: Text("Connection ended"),
    EventKind.CLIENT_REGISTERED: Text("Client registered"),
    EventKind.CLIENT_CHANGED: Text("Client changed"),
    EventKind.CLIENT_DELETED: Text("Client deleted"),
    EventKind.ACCOUNT: Text("Account changed"),
    EventKind.ADMINISTRATION: Text("Administration"),
    EventKind.READ: Text("Journal read"),
    EventKind.GAP: Text("Events missing"),
    EventKind.TRIMMED: Text("Old events removed"),
    EventKind.OPENED: Text("Chain begun"),
    EventKind.CHECKPOINT: Text("Checkpoint"),
    EventKind.WITNESS: Text("Chains witnessed"),
}
"""The kinds of events in words."""
_REFUSED = "refused"
RESULTS: Mapping[str, Text] = {
    "ok": Text("succeeded"),
    "error": Text("error"),
    _REFUSED: Text("was refused"),
    "failed": Text("failed"),
    "cut off": Text("cut off"),
    "unknown": Text("outcome unknown"),
    "not ended": Text("not ended"),
}
REFUSALS: Mapping[str, Text] = {
    "definition_held": Text("The operator has not approved the tool as it is now."),
    "limit_exceeded": Text("A limit of the operator was reached."),
    "condition_unmet": Text("A condition of the operator was not met."),
    "stopped_by_operator": Text("The operator had stopped this."),
    "approval_needed": Text("The call waited for an approval."),
    "approval_denied": Text("The approver denied the call."),
    "scope_missing": Text("The application lacked a permission."),
    "group_missing": Text("Only members of certain groups may do this."),
    "login_not_strong_enough": Text("This needs a stronger or more recent login."),
}
"""The reasons for which the rules of an operator refuse a call, by the codes of the resource service."""
_SUMMARIZED = ("action", "method", "name", "resource", "scopes", "reason", "reason_code", "methods")
_APART = frozenset({"chain", "sequence", "previous", "time_ms", "kind", "id"})
_MAX_SHOWN = 300


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """An event in a list.

    Attributes:
        person, client: names, else ids; empty if the event has none.
        about: the other members that tell events of one kind apart.
        tool: what was called, else the method.
        result: None if the event has none.
        failed: None if the outcome is not known.
        refusal: why the rules of the operator refused a call; None if they did not.
        arguments: of a call, as JSON.
    """

    event_id: str
    time: str
    kind: Text | str
    person: str
    client: str
    about: tuple[str, ...]
    tool: str
    resource: str
    result: Text | str | None
    failed: bool | None
    refusal: Text | None
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of people by subject, and of clients by id."""

    people: Mapping[str, str]
    clients: Mapping[str, str]


def row_of(event: Mapping[str, Any], names: Names) -> EventRow:
    """Return an event as a row."""
    kind, result = str(event["kind"]), event.get("result")
    if kind == EventKind.CALL_REFUSED and result is None:
        result = _REFUSED
    subject, client = _text(event.get("subject")), _text(event.get("client"))
    arguments = event.get("arguments")
    return EventRow(
        event_id=event["id"],
        time=moment(event["time_ms"]),
        kind=KINDS.get(kind, kind),
        person=names.people.get(subject, subject),
        client=names.clients.get(client, client),
        about=tuple(_text(event[name]) for name in _SUMMARIZED if event.get(name)),
        tool=_text(event.get("name") or event.get("method")),
        resource=_text(event.get("resource")),
        result=None if result is None else RESULTS.get(str(result), str(result)),
        failed=has_failed(event),
        refusal=REFUSALS.get(_text(event.get("reason_code"))),
        arguments="" if arguments is None else _text(arguments),
    )


def rows_of(events: Iterable[Mapping[str, Any]], names: Names) -> list[EventRow]:
    """Return events as rows."""
    return [row_of(event, names) for event in events]


def members_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the members of an event with their values as text, by name."""
    return [(name, _text(value, 4_096)) for name, value in sorted(event.items()) if name not in _APART]


def client_ids(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the clients in events."""
    return sorted({event["client"] for event in events if isinstance(event.get("client"), str)})


def moment(time_ms: int) -> str:
    """Format a time; that of an entry that somebody has made up may be none."""
    try:
        return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OSError, OverflowError, ValueError):
        return "-"


def _text(value: object, most: int = _MAX_SHOWN) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"
