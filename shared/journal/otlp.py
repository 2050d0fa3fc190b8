"""Events of the journal as log records of OpenTelemetry, in the JSON encoding of OTLP. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from shared.journal.outcomes import event_uid, has_failed

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_INFO, _WARN = (9, "INFO"), (13, "WARN")
_NAMED_OTHERWISE = frozenset({"time_ms", "kind", "trace"})


def otlp_logs(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return `LogsData` with one log record, as one line of an OTLP file."""
    number, text = _WARN if has_failed(event) else _INFO
    members = {name: value for name, value in event.items() if name not in _NAMED_OTHERWISE}
    record = {
        "timeUnixNano": str(event["time_ms"] * 1_000_000),
        "severityNumber": number,
        "severityText": text,
        "eventName": event["kind"],
        "body": {"stringValue": event["kind"]},
        "attributes": _attributes({**members, "log.record.uid": event_uid(event)}),
        **_trace(event.get("trace")),
    }
    resource = {"attributes": _attributes({"service.name": "doorward"})}
    scope_logs = {"scope": {"name": "doorward.journal"}, "logRecords": [record]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [scope_logs]}]}


def _trace(trace_id: object) -> dict[str, str]:
    # Collectors refuse a whole request with a malformed id.
    valid = isinstance(trace_id, str) and _TRACE_ID.fullmatch(trace_id)
    return {"traceId": str(trace_id)} if valid else {}


def _attributes(members: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in members.items()]


def _value(value: object) -> dict[str, Any]:
    """Return an `AnyValue`; 64-bit integers are strings in the JSON encoding of protobuf."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return {"arrayValue": {"values": [{"stringValue": each} for each in value]}}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
