"""The members of the event of a call: who called what, through which client, by which rule. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from starlette.types import Scope

from resource_service.policy.deciding import deciding_rules
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from shared.asgi.repeated_fields import RawFields, derived
from shared.journal.redaction import redacted, text_of
from shared.logs import current_request_id
from shared.traces.current import current_trace_id

MAX_NAME = 256
MAX_SOFTWARE = 100
MAX_HELD = 1_024
"""Characters of all scopes, or of all groups, of a caller; more are not recorded."""
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
# W3C Trace Context §3.2: version, trace id, parent id and flags
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

Call = tuple[str, Mapping[str, Any]]
"""Method and parameters."""


def calls_in(messages: Iterable[object]) -> Iterator[Call]:
    """Yield the calls among JSON-RPC messages: all but notifications, and responses to the server."""
    for message in messages:
        if not isinstance(message, dict):
            yield "", {}
            continue
        method, params = message.get("method"), message.get("params")
        if isinstance(method, str):
            if not method.startswith("notifications/"):
                yield method, params if isinstance(params, dict) else {}
        elif method is not None or not ("result" in message or "error" in message):
            yield "", {}


def about_principal(principal: Principal) -> dict[str, Any]:
    """Return the members that all calls of a principal share."""
    return {
        "subject": principal.subject,
        "client": principal.client_id,
        "grant": principal.grant_id,
        "actor": principal.act,
        "scopes": _held(principal.scopes),
        "groups": _held(principal.groups) or None,
        "acr": principal.acr,
        "auth_time": principal.auth_time,
    }


def _held(names: Iterable[str]) -> list[str] | None:
    """Return what a caller has, so that the decision can be repeated; None if it is too much."""
    held = sorted(names)
    return held if sum(map(len, held)) <= MAX_HELD else None


def about_request(scope: Scope) -> dict[str, Any]:
    """Return the other members that all calls of a request share."""
    software, trace = derived(scope["headers"], _software_and_trace)
    return {
        "software": software,
        "request": current_request_id.get() or None,
        "trace": current_trace_id() or trace,
    }


def _software_and_trace(fields: RawFields) -> tuple[str | None, str | None]:
    agent = trace = ""
    for name, value in reversed([*fields]):  # so that the first one counts
        if name == b"user-agent":
            agent = value.decode("latin-1")
        elif name == b"traceparent":
            trace = value.decode("latin-1")
    return _text(agent, MAX_SOFTWARE) if agent else None, _trace(trace) if trace else None


def about_call(call: Call, policy: Policy, hash_key: bytes) -> dict[str, Any]:
    """Return the members of one call."""
    method, params = call
    name = name_in(params)
    rule = policy.redaction(name or "")
    return {
        "method": _text(method, MAX_NAME),
        "name": None if name is None else _text(name, MAX_NAME),
        "policy": policy.version,
        "rule": _text(deciding_rules(policy, method, params), MAX_NAME),
        "arguments": redacted(params.get("arguments"), rule, hash_key),
        **_software_in(params),
    }


def name_in(params: Mapping[str, Any]) -> str | None:
    """Return the tool, prompt or resource that a call names."""
    reference = params.get("ref")
    for members in (params, reference if isinstance(reference, dict) else {}):
        for member in ("name", "uri"):
            if isinstance(name := members.get(member), str):
                return name
    return None


def software_named(params: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Return name and version of the software that a request of 2026-07-28 names, or `initialize`."""
    meta = params.get("_meta")
    info = meta.get(CLIENT_INFO) if isinstance(meta, dict) else None
    info = info or params.get("clientInfo")
    if not isinstance(info, dict) or not isinstance(name := info.get("name"), str):
        return None
    version = info.get("version")
    return name, version if isinstance(version, str) else None


def _software_in(params: Mapping[str, Any]) -> dict[str, Any]:
    named = software_named(params)
    if named is None:
        return {}
    name, version = named
    return {"software": _text(name if version is None else f"{name} {version}", MAX_SOFTWARE)}


def _text(text: str, limit: int) -> str:
    """Return `text` as `text_of` does; names, methods and user agents are mostly the same ones."""
    return _kept_text(text, limit) if len(text) <= limit else text_of(text, limit)


@lru_cache(maxsize=1_024)
def _kept_text(text: str, limit: int) -> str:
    return text_of(text, limit)


def _trace(traceparent: str) -> str | None:
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else None
