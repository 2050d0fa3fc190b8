"""Events of the journal in the Open Cybersecurity Schema Framework (OCSF). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.journal.event import EventKind
from shared.journal.outcomes import event_uid, has_failed

OCSF_VERSION = "1.3.0"
"""The version of the schema, https://schema.ocsf.io/1.3.0."""

Event = Mapping[str, Any]
"""An entry of the journal, with the name of its `chain`."""

ACCOUNT_CHANGE, AUTHENTICATION, AUTHORIZE_SESSION, API_ACTIVITY = 3001, 3002, 3003, 6003
OTHER = 99
LOGON, LOGOFF = 1, 2
ASSIGN_PRIVILEGES = 1
CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4

_ACCOUNT_ACTIVITIES = {
    "user created": 1,
    "user invited": 1,
    "first administrator created": 1,
    "user enabled": 2,
    "password changed": 3,
    "password set by link": 4,
    "user disabled": 5,
    "account deleted": 6,
    "user deleted": 6,
    "second factor added": 10,
    "second factor removed": 11,
    "second factors removed": 11,
}
"""Activities of the class Account Change, by the `action` of an event."""

_API_ACTIVITIES: dict[str, int] = {
    EventKind.CLIENT_REGISTERED: CREATE,
    EventKind.TOKENS_ISSUED: CREATE,
    EventKind.CLIENT_CHANGED: UPDATE,
    EventKind.CLIENT_DELETED: DELETE,
    EventKind.GRANT_NARROWED: UPDATE,
    EventKind.GRANT_REVOKED: DELETE,
    EventKind.READ: READ,
    EventKind.DEFINITIONS_PINNED: CREATE,
    EventKind.DEFINITION_APPROVED: UPDATE,
}

_SERVICE = {"name": "Doorward"}
_SUBJECTS = ("user_subject", "created", "invited", "deleted")
_UNKNOWN, _SUCCESS, _FAILURE = 0, 1, 2
_INFORMATIONAL, _LOW = 1, 2


def ocsf_event(event: Event) -> dict[str, Any]:
    """Return an event in the class that fits its kind, with all of its own members in `unmapped`."""
    class_uid, activity_id, members = _classified(event)
    failed = has_failed(event)
    return {
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "activity_id": activity_id,
        "type_uid": class_uid * 100 + activity_id,
        "time": event["time_ms"],
        "severity_id": _LOW if failed else _INFORMATIONAL,
        "status_id": _UNKNOWN if failed is None else _FAILURE if failed else _SUCCESS,
        "message": _text(event.get("action")) or event["kind"],
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Doorward", "vendor_name": "Doorward"},
            "uid": event_uid(event),
            "log_name": "journal",
            "event_code": event["kind"],
            **_present(correlation_uid=_text(event.get("request")) or _text(event.get("grant"))),
        },
        **_present(status_code=_text(event.get("reason_code"))),
        **members,
        "unmapped": dict(event),
    }


def _classified(event: Event) -> tuple[int, int, dict[str, Any]]:
    """Return the class, the activity, and the members that the class requires."""
    kind, user, action = event["kind"], _user(event.get("subject")), event.get("action")
    if user and kind == EventKind.LOGIN:
        is_mfa = len(_texts(event.get("methods"))) > 1
        return AUTHENTICATION, LOGON, {**_of_session(event, user), "service": _SERVICE, "is_mfa": is_mfa}
    if user and kind == EventKind.ACCOUNT and action == "logged out":
        return AUTHENTICATION, LOGOFF, {**_of_session(event, user), "service": _SERVICE}
    scopes = _texts(event.get("scopes"))
    if user and kind == EventKind.GRANT_OPENED and scopes:
        # The class requires privileges, groups or roles.
        return AUTHORIZE_SESSION, ASSIGN_PRIVILEGES, {**_of_session(event, user), "privileges": scopes}
    if account := _changed_account(event):
        activity = _ACCOUNT_ACTIVITIES.get(str(action), OTHER)
        return ACCOUNT_CHANGE, activity, {"user": account, "actor": _actor(event), **_source(event)}
    return API_ACTIVITY, _API_ACTIVITIES.get(kind, OTHER), _of_api(event)


def _of_session(event: Event, user: dict[str, str]) -> dict[str, Any]:
    session = _text(event.get("session"))
    return {"user": user, **_source(event), **({"session": {"uid": session}} if session else {})}


def _of_api(event: Event) -> dict[str, Any]:
    named = (_text(event.get(name)) for name in ("name", "method", "action"))
    resource = _text(event.get("resource"))
    members = {
        "actor": _actor(event),
        "api": {"operation": next(filter(None, named), event["kind"])},
        # The class requires a source: the client, where the network is not recorded.
        "src_endpoint": {"uid": _text(event.get("client")) or event["chain"]},
    }
    return {**members, **_source(event), **({"resources": [{"uid": resource}]} if resource else {})}


def _changed_account(event: Event) -> dict[str, str] | None:
    """Return the account that a person or an administrator has changed."""
    if event["kind"] == EventKind.ACCOUNT:
        return _user(event.get("subject"))
    about = event.get("about")
    if event["kind"] != EventKind.ADMINISTRATION or not isinstance(about, dict):
        return None
    return next((_user(about[name]) for name in _SUBJECTS if name in about), None)


def _actor(event: Event) -> dict[str, Any]:
    """Return the person and the program that acted, of which OCSF requires one."""
    members = _present(
        user=_user(event.get("subject")),
        app_uid=_text(event.get("client")),
        app_name=_text(event.get("software")),
    )
    return members or {"app_name": "Doorward"}


def _source(event: Event) -> dict[str, Any]:
    network = _text(event.get("network"))
    return {"src_endpoint": {"ip": network.partition("/")[0]}} if network else {}


def _user(subject: object) -> dict[str, str] | None:
    uid = _text(subject)
    return {"uid": uid} if uid else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _present(**members: object) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
